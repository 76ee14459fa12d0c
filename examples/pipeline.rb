# frozen_string_literal: true

# Many jobs on one connection, one after the other and all at once.
#
#     ruby -Ilib examples/worker.rb [host:port]      first
#     ruby -Ilib examples/pipeline.rb [host:port [jobs [at a time]]]

require "evgearman"

def measure(what)
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  results = yield
  took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - start
  puts format("%-18s %d results, the last is %s, %.0f ms", what, results.size, results.last, took * 1000)
end

server, jobs, concurrency = ARGV
concurrency = Integer(concurrency || 100)
client = EVGearman::Client.new(url: server)
words = Array.new(Integer(jobs || 1000)) { |n| "word #{n}" }

measure("one after another") do
  words.map { |word| client.call("reverse", word) }
end

# submit_job does not wait: the requests leave together, and results come as they are ready.
measure("all at once") do
  tasks = words.map { |word| client.submit_job("reverse", word) }
  EVGearman::Task.all(tasks, 10)
end

# The same with a bound: words may be endless, memory is not.
measure("#{concurrency} at a time") do
  client.map("reverse", words, concurrency: concurrency)
end

client.close
