# frozen_string_literal: true

# Jobs that wait, without a thread for each: a handler starts something and returns, a later event completes the job.
#
#     ruby -Ilib examples/async_worker.rb [host:port]      Ctrl-C to stop

require "evgearman"

$stdout.sync = true # logs are read while it runs

# Up to a hundred jobs under way; the server keeps what is beyond that.
worker = EVGearman::Worker.new(url: ARGV.first, client_id: "async-#{$$}", concurrency: 100)

# A timer here; it may as well be the answer of an HTTP client, a child process or another Gearman job.
worker.register_function("wait", async: true) do |job|
  seconds = Float(job.workload) # what is raised fails the job, as ever
  worker.loop.after(seconds) { job.complete("waited #{seconds} s") }
end

# Says more while it is under way, and stops when the connection is gone: the server gives the job to somebody else then.
worker.register_function("countdown", async: true) do |job|
  steps = Integer(job.workload)
  done = 0
  tick = worker.loop.every(0.1) do
    job.status(done += 1, steps)
    job.send_data("#{steps - done} to go")
    tick.cancel and job.complete("lift-off") if done == steps
  end
  job.on_lost { tick.cancel }
end

puts "#{worker.client_id} works for #{worker.server}. Ctrl-C to stop."
puts "#{worker.run[:finished]} jobs done"
