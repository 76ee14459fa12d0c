# frozen_string_literal: true

# Three priorities: a worker that is free is given what is urgent first, whatever was queued first.
#
#     ruby -Ilib examples/priority_queue.rb [host:port]

require "evgearman"

client = EVGearman::Client.new(url: ARGV.first)

client.enqueue("todo", "tidy up the archive", priority: :low)
client.enqueue("todo", "send the newsletter")
client.enqueue("todo", "reset a password", priority: :high)
client.enqueue("todo", "answer the door", priority: :high)

queue = client.priority_status.value["todo"]
puts "waiting: #{queue.high} high, #{queue.normal} normal, #{queue.low} low"

# Every function has three queues of its own.
worker = EVGearman::Worker.new(url: ARGV.first)
worker.register_function("todo") { |job| puts job.workload }
worker.work { EVGearman.stop } # when there is no more
EVGearman.run

worker.close
client.close
