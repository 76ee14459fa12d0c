# frozen_string_literal: true

# Tries again what may be tried again, later each time: a mail that a full queue refuses, and a job that failed.
#
#     ruby -Ilib examples/retry.rb [host:port]

require "evgearman"

# The delay is drawn from a range that doubles: clients that failed together do not come back together.
def with_retries(also: nil, attempts: 10, base: 0.1, max: 1)
  failures = 0
  begin
    yield
  rescue EVGearman::Error => e
    failures += 1
    raise if failures == attempts || !(e.retriable? || also === e)

    delay = rand * [max, base * (2**failures)].min
    puts format("%s; try %d in %.2f s", e.message, failures + 1, delay)
    EVGearman.run(delay) # sleeps, and turns the loop
    retry
  end
end

client = EVGearman::Client.new(url: ARGV.first)
client.create_function("send").value
client.maxqueue("send", 1).value
client.enqueue("send", "the first mail")

# On the same loop: it works while the client waits, but not yet.
worker = EVGearman::Worker.new(url: ARGV.first, on_callback_error: ->(*) {})
worker.register_function("send") { |job| puts "sent #{job.workload}" }
tries = 0
worker.register_function("fetch") { |job| (tries += 1) < 3 ? raise("#{job.workload} is busy") : "#{job.workload}, at last" }
worker.loop.after(0.3) { worker.work }

# The key is chosen once, outside: should the server have had it after all, it is still one job.
handle = with_retries { client.enqueue("send", "the second mail", unique: "mail 2") }
puts "queued as #{handle}"

# A job that failed did run: only its caller knows whether it bears to run again.
puts with_retries(also: EVGearman::JobError) { client.call("fetch", "the page", timeout: 5) }

EVGearman.run(0.1) while client.get_status(handle).value.known?
client.maxqueue("send").value
[worker, client].each(&:close)
