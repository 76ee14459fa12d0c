# frozen_string_literal: true

# An exception in a worker is not a silence: the client is told what it said.
#
#     ruby -Ilib examples/exceptions.rb [host:port]

require "evgearman"

# What handlers raise comes here as well: the place for a logger or an error tracker.
reported = []
worker = EVGearman::Worker.new(url: ARGV.first, on_callback_error: ->(error, _where) { reported << error.class })

worker.register_function("fetch") { |job| raise KeyError, "there is no page #{job.workload}" }
worker.register_function("charge") { |job| job.exception("card declined") }
worker.register_function("guess") { |job| job.fail }
worker.work # on the same loop: it works while the client waits

client = EVGearman::Client.new(url: ARGV.first)

%w[fetch charge guess].each do |function|
  client.call(function, "42", timeout: 5, on_exception: ->(text) { puts "#{function} is about to fail: #{text}" })
rescue EVGearman::JobExceptionError => e
  puts "#{function}: #{e.data}"
rescue EVGearman::JobFailedError
  puts "#{function}: failed, and nobody says why"
end

puts "the worker reported #{reported.join(", ")}"
worker.close
client.close
