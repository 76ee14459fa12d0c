# frozen_string_literal: true

# A table of the queues, as often as you like.
#
#     ruby -Ilib examples/monitoring.rb [host:port] [rounds] [seconds between them]

require "evgearman"

server, rounds, interval = ARGV
rounds = Integer(rounds || 3)
interval = Float(interval || 0.5)
client = EVGearman::Client.new(url: server, client_id: "monitoring")

def show(status)
  puts format("%-24s %8s %8s %8s", "FUNCTION", "WAITING", "RUNNING", "WORKERS")
  status.sort_by { |row| -row.waiting }.each do |row|
    alarm = "  nobody does it" if row.waiting.positive? && row.workers.zero?
    puts format("%-24s %8d %8d %8d%s", row.name, row.waiting, row.running, row.workers, alarm)
  end
  puts
end

# Each one begins after the answer of the last: they do not pile up when the server is slow. One that fails is a line
# in the log, and the next one finds the server again.
poll = lambda do
  client.server_status do |status, error|
    error ? warn("#{client.server}: #{error.message}") : show(status)
    (rounds -= 1).zero? ? EVGearman.stop : client.loop.after(interval, &poll)
  end
end

poll.call
EVGearman.run
client.close
