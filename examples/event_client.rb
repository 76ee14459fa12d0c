# frozen_string_literal: true

# What a job says while it runs: data, progress and warnings.
#
#     ruby -Ilib examples/worker.rb [host:port]            first
#     ruby -Ilib examples/event_client.rb [host:port]

require "evgearman"

client = EVGearman::Client.new(url: ARGV.first)

# Blocks run while `value` waits, in the order in which the worker said it.
task = client.submit_job("report", "4", timeout: 10)
task.on_created { |handle| puts "the server calls it #{handle}" }
    .on_warning { |text| puts "warning: #{text}" }
    .on_data { |page| puts "got #{page}" }
    .on_status { |done, of| puts "#{"#" * done.to_i}#{"." * (of.to_i - done.to_i)} #{done}/#{of}" }

puts "done: #{task.value}"

# Who only wants a number now and then asks the Task, or the server from anywhere else.
task = client.submit_job("report", "6", timeout: 10)
puts "still at #{task.progress&.first || 0}" until task.wait(0.1)
puts "done: #{task.value}"

# Of a background job the server knows how far it is, until it is done: then it does not know the job any more.
handle = client.enqueue("report", "8")
while (status = client.get_status(handle).value).known?
  puts status.running? ? "#{status.numerator} of #{status.denominator}" : "waiting"
  sleep 0.1
end
puts "#{handle} is not known any more"

client.close
