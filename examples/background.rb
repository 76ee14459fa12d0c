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

# Many are quicker together: the answers are waited for once.
handles = client.submit_jobs_bg([
                                  ["mail", "grace@example.org"],
                                  ["mail", "joan@example.org", { unique: "welcome joan" }]
                                ]).value
puts "queued as #{handles.join(" and ")}"

# Nothing more comes by itself, but one may ask. A job that ended is not known any more.
status = client.get_status(handle).value
puts status.known? ? "#{handle} is #{status.running? ? "running" : "waiting"}" : "#{handle} is done"

client.close
