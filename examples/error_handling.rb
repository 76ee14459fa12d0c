# frozen_string_literal: true

# What can go wrong, what each error knows, and who should try again.
#
#     ruby -Ilib examples/error_handling.rb [host:port]

require "evgearman"

def attempt(what)
  yield
rescue EVGearman::Error => e
  again = e.retriable? ? "safe to repeat" : "not to be repeated blindly"
  puts format("%-22s %-30s %-16s %s", what, e.class, e.delivery.inspect, again)
rescue ArgumentError => e
  puts format("%-22s %-30s %s", what, e.class, e.message)
end

quiet = { on_error: ->(*) {}, on_callback_error: ->(*) {} } # each would print a line
# Ends every request at once: before `disconnect` returns.
def disconnect_under(task)
  task.client.flush
  task.client.disconnect
  task.value
end

worker = EVGearman::Worker.new(url: ARGV.first, **quiet)
worker.register_function("raise") { |_job| raise "no" }
worker.register_function("fail") { |job| job.fail }
worker.work # on the same loop: it works while the client waits

client = EVGearman::Client.new(url: ARGV.first, **quiet)
attempt("it raised")            { client.call("raise", timeout: 5) }
attempt("it failed")            { client.call("fail", timeout: 5) }
attempt("nobody does it")       { client.call("nobody", timeout: 0.5) }
attempt("the same, with a key") { client.call("nobody", unique: "a key", timeout: 0.5) }
attempt("not a function name")  { client.call("", "x") }
attempt("the server says no")   { client.option("no such option").value }
attempt("disconnected under it") { disconnect_under(client.submit_job("nobody", timeout: 5)) }

# Port 1 is nobody's. By default a request waits for its server until command_timeout.
away = EVGearman::Client.new(url: "127.0.0.1:1", command_timeout: 0.3, **quiet)
attempt("the server is away") { away.call("reverse", "x") }

[client, worker, away].each(&:close)
attempt("it was closed") { client.call("reverse", "x") }
