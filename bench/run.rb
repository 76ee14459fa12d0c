# frozen_string_literal: true

# Each operation of evgearman beside the least C that does the same (floor.c), on a gearmand of its own.
#
#     bench/run.rb [--seconds 1 | --ops N] [--rounds 5] [--only echo …] [--write] [--smoke]
require "optparse"
require_relative "support/suite"
require_relative "support/table"

given = ARGV.dup
options = { seconds: 1.0, rounds: 5, only: [] }
write = smoke = false
OptionParser.new do |parser|
  parser.on("--seconds N", Float, "how long one measurement is to take (1)") { |n| options[:seconds] = n }
  parser.on("--ops N", Integer, "or how many operations it has") { |n| options[:ops] = n }
  parser.on("--rounds N", Integer, "measurements, of which the median counts (5)") { |n| options[:rounds] = n }
  parser.on("--only NAME", "those whose name begins so; may be given again") { |name| options[:only] << name }
  parser.on("--write", "write bench/RESULTS.md too") { write = true }
  parser.on("--smoke", "a few hundred operations of each: do all numbers come?") { smoke = true }
end.parse!

options.merge!(ops: 300, rounds: 1) if smoke
results = Bench::Suite.new(**options).run { |title| warn "bench: #{title}" if $stderr.tty? }
table = Bench::Table.new(results)
puts table
abort "bench: numbers are missing" unless results.any? && results.all?(&:complete?)
File.write(File.join(__dir__, "RESULTS.md"), table.report("rake \"bench[#{given.join(",")}]\"")) if write
