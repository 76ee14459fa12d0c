# frozen_string_literal: true

# Fibers under the async gem: a wait suspends its fiber only, so many calls take the time of one.
#
#     gem install async
#     ruby -Ilib examples/fiber_scheduler.rb [host:port]

require "async"
require "evgearman"

CALLS = 20
SECONDS = 0.3

# Something to wait for: a worker that answers late, and all at once.
worker = EVGearman::Worker.new(url: ARGV.first, loop: EVGearman::Loop.new, concurrency: nil)
worker.register_function("late", async: true) do |job|
  worker.loop.after(SECONDS) { job.complete("answer #{job.workload}") }
end
working = Thread.new { worker.run(signals: false) }

client = EVGearman::Client.new(url: ARGV.first)
start = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Nothing here but plain calls.
answers = Sync do |task|
  Array.new(CALLS) { |n| task.async { client.call("late", n.to_s, timeout: 10) } }.map(&:wait)
end

took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - start
puts "#{answers.first} to #{answers.last}"
puts format("%d calls of %.1f s took %.1f s", CALLS, SECONDS, took)

client.close
worker.stop
working.join
