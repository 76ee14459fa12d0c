# frozen_string_literal: true

require "rspec/core"
require_relative "testing"
require_relative "testing/matchers"

RSpec.configure do |config|
  config.include EVGearman::Testing::Matchers
  config.before { EVGearman::Testing.clear }
end
