# frozen_string_literal: true

require "optparse"
require_relative "elsewhere"

module Bench
  # What a command line says to a Suite.
  module Options
    # The block may add to the parser.
    def self.parse
      options = { seconds: 1.0, rounds: 5, only: [] }
      OptionParser.new do |parser|
        parser.on("--server HOST:PORT", "one that runs already: functions bench… come and go there") do |address|
          options[:server] = Elsewhere.new(address)
        end
        parser.on("--seconds N", Float, "how long one measurement is to take (1)") { |n| options[:seconds] = n }
        parser.on("--ops N", Integer, "or how many operations it has") { |n| options[:ops] = n }
        parser.on("--rounds N", Integer, "measurements, of which the median counts (5)") { |n| options[:rounds] = n }
        parser.on("--only NAME", "those whose name begins so; may be given again") { |name| options[:only] << name }
        yield parser if block_given?
      end.parse!
      options
    end
  end
end
