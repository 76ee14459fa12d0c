# frozen_string_literal: true

# What an operator asks a server, and tells it.
#
#     ruby -Ilib examples/admin.rb [host:port]

require "evgearman"

client = EVGearman::Client.new(url: ARGV.first, client_id: "operator")
puts "gearmand #{client.server_version.value}, process #{client.server_pid.value}"

client.create_function("resize").value
client.server_status.value.each { |row| puts "#{row.name}: #{row.waiting} waiting, #{row.workers} workers" }
puts "connected: #{client.server_workers.value.map(&:client_id).join(", ")}"

# No more than two jobs in this queue.
client.maxqueue("resize", 2).value
handles = Array.new(2) { |n| client.enqueue("resize", "photo #{n}") }
begin
  client.enqueue("resize", "one too many")
rescue EVGearman::QueueFullError => e
  puts "refused: #{e.code}"
end

# Nobody works here: take them back, then the function can go.
handles.each { |handle| client.cancel_job(handle).value }
puts "still wanted: #{client.jobs.value.count { |job| job.ignored.zero? }}"
client.drop_function("resize", force: true).value

# Any other line.
puts client.admin("verbose").value
client.close
