# frozen_string_literal: true

# What TLS costs: client and job server of this gem beside raw TLS (tls_floor.c), and beside themselves in the clear.
#
#     bench/tls.rb [--rounds 5] [--smoke]
require "optparse"
require_relative "support/tls_suite"

options = { rounds: 5, echoes: 300, jobs: 50_000 }
OptionParser.new do |parser|
  parser.on("--rounds N", Integer, "measurements, of which the best counts (5)") { |n| options[:rounds] = n }
  parser.on("--smoke", "a few operations of each: do all numbers come?") { options.update(rounds: 1, echoes: 3, jobs: 300) }
end.parse!

Bench::Beside.report("operation by TLS", Bench::TLSSuite.new(**options).run)
