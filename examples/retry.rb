# frozen_string_literal: true

# Tries again what may be tried again, later each time. Here a full queue refuses a mail until a worker has made room.
#
#     ruby -Ilib examples/retry.rb [host:port]

require "evgearman"

# The delay is drawn from a range that doubles: clients that failed together do not come back together.
def with_retries(attempts: 10, base: 0.1, max: 1)
  failures = 0
  begin
    yield
  rescue EVGearman::Error => e
    failures += 1
    raise if failures == attempts || !e.retriable?

    delay = rand * [max, base * (2**failures)].min
    puts format("%s; try %d in %.2f s", e.message, failures + 1, delay)
    sleep delay
    retry
  end
end

client = EVGearman::Client.new(url: ARGV.first)
client.create_function("send").value
client.maxqueue("send", 1).value
client.enqueue("send", "the first mail")

working = Thread.new do
  worker = EVGearman::Worker.new(url: ARGV.first, loop: EVGearman::Loop.new)
  worker.register_function("send") do |job|
    worker.stop if job.workload.include?("second")
    puts "sent #{job.workload}"
  end
  sleep 0.3
  worker.run(signals: false)
end

# The key is chosen once, outside: should the server have had it after all, it is still one job.
handle = with_retries { client.enqueue("send", "the second mail", unique: "mail 2") }
puts "queued as #{handle}"

working.join
client.maxqueue("send").value
client.close
