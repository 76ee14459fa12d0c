# frozen_string_literal: true

# What one client makes of several servers: three gearmands beside one.
#
#     bench/several.rb [--servers 3] [--rounds 5] [--smoke]
require "optparse"
require_relative "support/several_suite"

options = { servers: 3, rounds: 5, jobs: 200_000 }
OptionParser.new do |parser|
  parser.on("--servers N", Integer, "gearmands (3)") { |n| options[:servers] = n }
  parser.on("--rounds N", Integer, "measurements, of which the best counts (5)") { |n| options[:rounds] = n }
  parser.on("--smoke", "a few jobs: do all numbers come?") { options.update(rounds: 1, jobs: 300) }
end.parse!

Bench::Beside.report("operation", Bench::SeveralSuite.new(**options).run)
