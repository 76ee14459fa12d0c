# frozen_string_literal: true

# A batch for cron: takes what is queued, one job after the other, and ends when there is no more, or it has had enough.
#
#     ruby -Ilib examples/background.rb [host:port]         queues some
#     ruby -Ilib examples/cron_consumer.rb [host:port [jobs at most]]

require "evgearman"

server, most = ARGV
most = Integer(most || 1000)
worker = EVGearman::Worker.new(url: server, client_id: "cron-#{$$}")
worker.can_do("mail")

# Nothing is finished by itself here: whoever grabs a job answers it, also when it goes wrong.
def deliver(job)
  raise ArgumentError, "no address: #{job.workload}" unless job.workload.include?("@")

  puts "mail to #{job.workload}"
  job.complete
rescue StandardError => e
  warn "#{job.handle}: #{e.message}"
  job.exception(e)
end

count = 0
begin
  while count < most
    deliver(worker.grab_job.value(30))
    count += 1
  end
  puts "#{count} jobs taken, the rest is for the next time"
rescue EVGearman::NoJobError
  puts "#{count} jobs taken, no more to do"
end

worker.close
