# frozen_string_literal: true

# Threads share the client of the process: requests of all of them go out on its connection, and each has its own answers.
#
#     ruby -Ilib examples/worker.rb [host:port]      first
#     ruby -Ilib examples/threads.rb [host:port]

require "evgearman"

# As in an initializer. The client of the process is made when it is first used, again in each forked child.
EVGearman.configure do |config|
  config.url = ARGV.first
end

# No pool, no lock, no background thread: one of those who wait turns the loop.

threads = Array.new(8) do |number|
  Thread.new do
    Array.new(100) do |n|
      word = "thread #{number}, job #{n}"
      EVGearman.call("reverse", word, timeout: 10) == word.reverse
    end
  end
end

right = threads.map { |thread| thread.value.count(true) }
right.each_with_index { |count, number| puts "thread #{number}: #{count} of 100 answers are its own" }

stats = EVGearman.client.stats
puts "#{stats[:resolved]} requests, #{stats[:pending]} pending, #{stats[:reconnects]} reconnects"
EVGearman.client.close
