# frozen_string_literal: true

# Several servers: each job goes to the next one, and past one that is away; one with a key always to the same.
#
#     ruby -Ilib examples/multi_server.rb [host:port …]

require "evgearman"

servers = ARGV.empty? ? ENV.fetch("GEARMAN_SERVERS", "127.0.0.1:4730") : ARGV
client = EVGearman::Client.new(servers: servers)
worker = EVGearman::Worker.new(servers: servers, on_error: nil) # on the same loop: it works while the client waits
worker.register_function("reverse") { |job| "#{job.workload.reverse} (#{job.server})" }.work

%w[one two three four five six].each do |line|
  task = client.submit_job_bg("log", line)
  puts "#{line} is #{task.value} at #{task.server}"
end
%w[desserts diaper].each { |word| puts client.call("reverse", word, unique: word) }
[client, worker].each(&:close)
