# frozen_string_literal: true

# Some jobs at a time, each on a thread: for handlers that block, on a database or an HTTP call.
#
#     ruby -Ilib examples/worker_pool.rb [host:port [jobs at a time]]      Ctrl-C to stop

require "evgearman"

$stdout.sync = true # logs are read while it runs

server, concurrency = ARGV

# The threads are the worker's own. Its loop stays free, so progress goes out and deadlines are kept while they run.
worker = EVGearman::Worker.new(url: server, client_id: "pool-#{$$}", concurrency: Integer(concurrency || 4))

lock = Mutex.new
most = 0

# Handlers run side by side now: what they share needs a lock.
worker.register_function("fetch", timeout: 30) do |job|
  lock.synchronize { most = [most, worker.busy_count].max }
  sleep 0.3 # an HTTP call
  "fetched #{job.workload}"
end

puts "#{worker.client_id} works for #{worker.server}, #{worker.concurrency} jobs at a time. Ctrl-C to stop."
puts "#{worker.run[:finished]} jobs done, #{most} at a time at most"
