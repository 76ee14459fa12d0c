# frozen_string_literal: true

# A worker of failover.rb, at all servers, until it is killed: notes every job that it has begun, then answers it.
#
#     ruby worker.rb URL,URL… FILE

require "evgearman"

urls, file = ARGV
history = File.open(file, "a")
worker = EVGearman::Worker.new(servers: urls, prefetch: 4, on_error: ->(_) {})
worker.register_function("background") { |job| history.syswrite("#{job.workload}\n") && nil }
worker.register_function("foreground") do |job|
  history.syswrite("#{job.workload}\n")
  "answer to #{job.workload}"
end
worker.run
