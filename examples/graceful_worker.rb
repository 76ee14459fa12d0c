# frozen_string_literal: true

# A deploy sends TERM, and no job is lost: the one that runs is finished, what comes later is another worker's.
#
#     ruby -Ilib examples/graceful_worker.rb [host:port]      Ctrl-C, or kill -TERM, to stop

require "evgearman"

$stdout.sync = true # logs are read while it runs

# After 10 s it leaves anyway, and the server gives to others what was not finished: keep that below what your
# process manager allows before it sends KILL.
worker = EVGearman::Worker.new(url: ARGV.first, client_id: "graceful-#{$$}", shutdown_timeout: 10)

# Short enough to be finished.
worker.register_function("resize") do |job|
  sleep 0.5
  "#{job.workload} resized"
end

# Too long for that: it looks up now and then, and says how far it came.
worker.register_function("reindex") do |job|
  rows = Integer(job.workload)
  done = 0
  until done == rows || job.stopping?
    sleep 0.1
    done += 1
  end
  "#{done} of #{rows} rows"
end

puts "#{worker.client_id} works for #{worker.server}. Ctrl-C to stop."
outcome = worker.run
puts "finished #{outcome[:finished]}, handed back #{outcome[:handed_back].size}"
exit 1 if outcome[:handed_back].any?
