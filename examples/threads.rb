# frozen_string_literal: true

# Threads share one client: requests of all of them go out on its connection, and each has its own answers.
#
#     ruby -Ilib examples/worker.rb [host:port]      first
#     ruby -Ilib examples/threads.rb [host:port]

require "evgearman"

# Made once, as in an initializer. No pool, no lock, no background thread: one of those who wait turns the loop.
CLIENT = EVGearman::Client.new(url: ARGV.first)

threads = Array.new(8) do |number|
  Thread.new do
    Array.new(100) do |n|
      word = "thread #{number}, job #{n}"
      CLIENT.call("reverse", word, timeout: 10) == word.reverse
    end
  end
end

right = threads.map { |thread| thread.value.count(true) }
right.each_with_index { |count, number| puts "thread #{number}: #{count} of 100 answers are its own" }

stats = CLIENT.stats
puts "#{stats[:resolved]} requests, #{stats[:pending]} pending, #{stats[:reconnects]} reconnects"
CLIENT.close
