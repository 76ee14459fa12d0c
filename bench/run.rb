# frozen_string_literal: true

# Each operation of evgearman beside the least C that does the same (floor.c), on a gearmand of its own or on yours.
# Beside other libraries: peers.rb.
#
#     bench/run.rb [--server HOST:PORT] [--seconds 1 | --ops N] [--rounds 5] [--only echo …] [--write] [--smoke]
require_relative "support/options"
require_relative "support/suite"
require_relative "support/table"

given = ARGV.dup
write = smoke = false
options = Bench::Options.parse do |parser|
  parser.on("--write", "write bench/RESULTS.md too, of a gearmand of its own") { write = true }
  parser.on("--smoke", "a few operations of each: do all numbers come?") { smoke = true }
end
abort "bench: --write is for a gearmand of its own" if write && options[:server]

options.merge!(ops: 5, rounds: 1) if smoke
results = Bench::Suite.new(**options).run { |title| warn "bench: #{title}" if $stderr.tty? }
table = Bench::Table.new(results)
puts table
abort "bench: numbers are missing" unless results.any? && results.all?(&:complete?)
File.write(File.join(__dir__, "RESULTS.md"), table.report("rake \"bench[#{given.join(",")}]\"")) if write
