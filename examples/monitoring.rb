# frozen_string_literal: true

# A table of the queues, as often as you like; or lines as carbon and its like collect them: name, number, time.
#
#     ruby -Ilib examples/monitoring.rb [host:port [rounds [seconds between them]]]
#     ruby -Ilib examples/monitoring.rb --lines [host:port [rounds [seconds between them]]] | nc collector 2003

require "evgearman"

show = ARGV.delete("--lines") ? :lines : :table
server, rounds, interval = ARGV
rounds = Integer(rounds || 3)
interval = Float(interval || 0.5)
client = EVGearman::Client.new(url: server, client_id: "monitoring")
$stdout.sync = true # a collector reads while it runs

def table(status)
  puts format("%-24s %8s %8s %8s", "FUNCTION", "WAITING", "RUNNING", "WORKERS")
  status.sort_by { |row| -row.waiting }.each do |row|
    alarm = "  nobody does it" if row.waiting.positive? && row.workers.zero?
    puts format("%-24s %8d %8d %8d%s", row.name, row.waiting, row.running, row.workers, alarm)
  end
  puts
end

# A dot in a name would be a level of its own.
def lines(status)
  status.each do |row|
    row.to_h.slice(:waiting, :running, :workers).each do |what, number|
      puts "gearman.#{row.name.gsub(/[^\w-]/, "_")}.#{what} #{number} #{Time.now.to_i}"
    end
  end
end

# Each one begins after the answer of the last: they do not pile up when the server is slow. One that fails is a line
# in the log, and the next one finds the server again.
poll = lambda do
  client.server_status do |status, error|
    error ? warn(error.message) : send(show, status)
    (rounds -= 1).zero? ? EVGearman.stop : client.loop.after(interval, &poll)
  end
end

poll.call
EVGearman.run
client.close
