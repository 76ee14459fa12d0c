# frozen_string_literal: true

RSpec.describe "A client and workers at three servers, of which one after the other dies", :gearmand do
  include Children

  # The long form is `rake failover`, where workers have to be back within 2 s, too.
  it "have for each job its own answer, or what is known of it, and lose nothing that a living server has" do
    text, status = script("spec/proofs/failover.rb", "6", "30")
    expect(status).to be_success, text
  end
end
