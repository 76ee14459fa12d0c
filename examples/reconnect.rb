# frozen_string_literal: true

# A client that outlives its server: restart gearmand while this runs. It ends three lines later.
#
#     ruby -Ilib examples/reconnect.rb [host:port]

require "evgearman"

outages = 0
client = EVGearman::Client.new(url: ARGV.first)
client.on_connect { puts "connected" }
client.on_disconnect { puts "disconnected, #{outages += 1}" }

# While the server is away requests wait for it, up to command_timeout. One that was cut off after it had been
# written fails: with a key of its own it can be made again.
def enqueue(client, number)
  client.enqueue("log", "line #{number}", unique: "line #{number}")
rescue EVGearman::Error => e
  raise unless e.retriable?

  puts "line #{number} again: #{e.message}"
  retry
end

$stdout.sync = true
number = after = 0
until after == 3
  puts "line #{number += 1} is #{enqueue(client, number)}"
  after += 1 if outages.positive?
  EVGearman.run(0.1) # sleeps, and hears at once that the server is gone
end

client.on_disconnect = nil
client.close
