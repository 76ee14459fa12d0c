# frozen_string_literal: true

# One foreground job, and three ways to have its result.
#
#     ruby -Ilib examples/worker.rb [host:port]      first
#     ruby -Ilib examples/client.rb [host:port [function [workload]]]

require "evgearman"

server, function, workload = ARGV
function ||= "reverse"
workload ||= "stressed"
client = EVGearman::Client.new(url: server)

# Wait for it.
puts client.call(function, workload, timeout: 5)

# Ask now and wait later: nothing blocks in between.
task = client.submit_job(function, workload, timeout: 5)
puts "meanwhile, #{task.function} is #{task.done? ? "done" : "under way"}"
puts task.value

# Be called: a block runs while somebody turns the loop.
client.submit_job(function, workload, timeout: 5) do |result, error|
  puts error ? "failed: #{error.message}" : result
  EVGearman.stop
end
EVGearman.run

client.close
