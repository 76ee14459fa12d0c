# frozen_string_literal: true

# Fire and forget: the server keeps the jobs, and some worker runs them, now or when there is one.
#
#     ruby -Ilib examples/background.rb [host:port]
#     ruby -Ilib examples/worker.rb [host:port]          before or after

require "evgearman"

client = EVGearman::Client.new(url: ARGV.first)

# Returns when the server has it.
handle = client.enqueue("mail", "ada@example.org")
puts "queued as #{handle}"

# Many are quicker together: their answers are waited for once.
tasks = %w[grace joan].map { |name| client.submit_job_bg("mail", "#{name}@example.org", unique: "welcome #{name}") }
handles = EVGearman::Task.all(tasks)
puts "queued as #{handles.join(" and ")}"

# Nothing more comes by itself, but one may ask. A job that ended is not known any more.
status = client.get_status(handle).value
puts status.known? ? "#{handle} is #{status.running? ? "running" : "waiting"}" : "#{handle} is done"

client.close
