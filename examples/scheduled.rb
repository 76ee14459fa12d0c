# frozen_string_literal: true

# Jobs that are not run before their time: `in:` so many seconds, `at:` a Time. The server keeps the clock.
#
#     ruby -Ilib examples/scheduled.rb [host:port]

require "evgearman"

client = EVGearman::Client.new(url: ARGV.first)
start = Time.now
left = 3

# A worker on the same loop. gearmand before 2.0 does not wake one for a job that becomes due, so it asks again.
worker = EVGearman::Worker.new(url: ARGV.first, poll_interval: 0.2)
worker.register_function("remind") do |job|
  left -= 1
  puts format("after %.1f s: %s", Time.now - start, job.workload)
end

client.enqueue("remind", "stand up", at: Time.now + 1)
handle = client.enqueue("remind", "drink some water", in: 1)
client.enqueue("remind", "read this")

# Meanwhile the server knows it as any other job that waits.
status = client.get_status(handle).value
puts "3 reminders queued, #{handle} is #{status.running? ? "running" : "waiting"}" if status.known?

worker.work
worker.loop.run_once until left.zero?

worker.close
client.close
