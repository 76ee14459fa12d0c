# frozen_string_literal: true

# Instructions per operation, counted by valgrind: what a change costs, whatever else the machine does meanwhile. The
# kernel's are not counted, nor the GC's. With a commit, beside what it was then.
#
#     bench/instructions.rb [--against COMMIT] [--ops 5000] [--only echo …]
require "optparse"
require_relative "support/at_once"
require_relative "support/past"
require_relative "support/suite"

COUNTED = ["foreground", "background", "echo", "echo_by_servers", "call", "worker", "worker_pool"].freeze

ops = 5_000
only = COUNTED
past = nil
OptionParser.new do |parser|
  parser.on("--against COMMIT", "beside that") { |commit| past = Bench::Past.new(commit) }
  parser.on("--ops N", Integer, "operations of each (5,000)") { |n| ops = n }
  parser.on("--only NAME", "that operation; may be given again") { |name| only = (only == COUNTED ? [] : only) << name }
end.parse!
abort "bench: no valgrind" unless Bench::Contestant::VALGRIND

usual = Bench::Suite.new(ops: ops)
at_once = Bench::Suite.new(ops: ops, server: Bench::AtOnce)
now, before = [Bench::Evgearman.new, past && Bench::Evgearman.new(past.lib)]
puts format("%-40s %10s%s", "instructions per operation", "now", past && format(" %10s %8s", past.commit, "change"))
Bench::OPERATIONS.select { |it| only.include?(it.name.to_s) }.each do |operation|
  suite = operation.name == :call ? at_once : usual
  ours, theirs = [now, before].compact.map { |it| suite.instructions(it, operation) }
  ours or abort "bench: #{operation.title}: no count"
  change = format(" %10.0f %+7.2f%%", theirs, (ours / theirs - 1) * 100) if theirs # of then: it may not have had that
  puts format("%-40s %10.0f%s", operation.title, ours, change)
end
