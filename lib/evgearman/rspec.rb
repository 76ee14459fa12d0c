# frozen_string_literal: true

require "rspec/core"
require_relative "testing"
require_relative "testing/matchers"

RSpec.configure do |config|
  config.include EVGearman::Testing::Matchers
  config.before { EVGearman::Testing.clear }
end

# A job server for an example group, at `gearman_url`; nothing is faked in its examples.
RSpec.shared_context :gearman do
  attr_reader :gearman_url

  before(:context) do
    @gearman = EVGearman::Server.new.start
    @gearman_url = @gearman.url
  end

  after(:context) { @gearman&.stop }

  around { |example| EVGearman::Testing.disable! { example.run } }
end
