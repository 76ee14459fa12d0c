# frozen_string_literal: true

# A worker of soak.rb, until it is killed: notes every job that it has begun, then answers it.
#
#     ruby worker.rb URL FILE

require "evgearman"

url, file = ARGV
history = File.open(file, "a")
loop = EVGearman::Loop.new
worker = EVGearman::Worker.new(url: url, loop: loop, prefetch: 4, reconnect_max_delay: 0.2, command_timeout: 2, heartbeat: 2,
                               on_error: ->(_) {})
worker.register_function("background") { |job| history.syswrite("#{job.workload}\n") && nil }
worker.register_function("foreground") { |job| "answer to #{job.workload}" }
worker.register_function("slow", async: true) { |job| loop.after(0.05) { job.complete("answer to #{job.workload}") } }
worker.work
loop.run
