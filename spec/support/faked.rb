# frozen_string_literal: true

# Examples with the tag `faked` are without a job server: those of evgearman/testing, which begin and end as if nobody had
# ever used that.
module Faked
  NOWHERE = Struct.new(:url).new("127.0.0.1:1")

  def testing = EVGearman::Testing

  # Of this example's loop; what it would say to a server meets nobody, and is in `errors`.
  def client = @client ||= client_for(NOWHERE)

  # The same.
  def worker = @worker ||= worker_for(NOWHERE)
end

RSpec.configure do |config|
  config.include Faked, :faked
  config.after(:each, :faked) do
    expect(errors).to be_empty
  ensure
    EVGearman::Testing.disable!.clear.unregister
  end
end
