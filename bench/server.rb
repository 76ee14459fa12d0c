# frozen_string_literal: true

# The job server of this gem beside gearmand: each on one core of its own, driven by the least C (floor.c) on another one.
# What counts is CPU of the server, since the driver may be what is waited for.
#
#     bench/server.rb [--rounds 5] [--ops 200000] [--smoke]
require "etc"
require "optparse"
require "rbconfig"
require_relative "support/server_suite"
require_relative "support/table"

options = { rounds: 5, ops: 200_000 }
OptionParser.new do |parser|
  parser.on("--rounds N", Integer, "measurements, of which the median counts (5)") { |n| options[:rounds] = n }
  parser.on("--ops N", Integer, "operations of one (200,000)") { |n| options[:ops] = n }
  parser.on("--smoke", "a few operations of each: do all numbers come?") do
    options.update(rounds: 1, ops: 100, most: 100)
  end
end.parse!

head = ["operation", "per second", "gearmand", "CPU µs/op", "gearmand", "ratio", "bytes/queued job", "gearmand"]
rows = Bench::ServerSuite.new(**options).run { |title| warn "bench: #{title}" if $stderr.tty? }
cells = rows.map do |title, (ours, theirs)|
  numbers = [ours.rate, theirs.rate, ours.cpu, theirs.cpu, (theirs.cpu / ours.cpu if ours.cpu.positive?), ours.memory,
             theirs.memory]
  [title, *numbers.map { |number| Bench::Table.number(number) }]
end
puts Bench::Table.grid([head, *cells])
abort "bench: numbers are missing" unless rows.all? { |_, runs| runs.all? { |run| run.rate.positive? } }
