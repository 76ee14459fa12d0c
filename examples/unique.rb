# frozen_string_literal: true

# Two clients that ask for the same thing are one job: what is expensive runs once, and both have the result.
#
#     ruby -Ilib examples/unique.rb [host:port]

require "evgearman"

alice, bob = Array.new(2) { EVGearman::Client.new(url: ARGV.first) }
KEY = "sales 2026"

# Function and key say what is the same. Nobody works yet, so both wait.
tasks = [alice, bob].map { |client| client.submit_job("report", "all months", unique: KEY, timeout: 5) }
[alice, bob].each(&:flush)
puts "one handle: #{tasks.map(&:handle).uniq.one?}"

# The key is enough to ask how it is going, for those who do not know the handle.
status = alice.get_status_unique(KEY).value
puts "#{status.client_count} clients wait, #{status.running? ? "it runs" : "it does not run yet"}"

runs = 0
worker = EVGearman::Worker.new(url: ARGV.first)
worker.register_function("report") { |job| "#{job.unique}: #{job.workload}, run #{runs += 1}" }
worker.work # on the same loop: it works while the clients wait

puts EVGearman::Task.all(tasks)
puts "known afterwards: #{alice.get_status_unique(KEY).value.known?}"

[alice, bob, worker].each(&:close)
