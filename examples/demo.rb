# frozen_string_literal: true

# The main job, from both ends: a worker, and a client with foreground and background jobs, progress and a failure.
#
#     bin/demo                         on a gearmand of its own
#     bin/demo --server HOST:PORT      on one that runs already

require "evgearman"
require "optparse"
require "socket"

# A gearmand on a free loopback port, stopped by its pid.
class OwnGearmand
  attr_reader :url

  def initialize
    port = TCPServer.open("127.0.0.1", 0) { |probe| probe.addr[1] }
    @url = "127.0.0.1:#{port}"
    @pid = spawn({ "PATH" => "#{ENV.fetch("PATH", "")}:/usr/sbin" }, "gearmand", "--listen=127.0.0.1",
                 "--port=#{port}", "--log-file=none", %i[out err] => File::NULL)
  rescue Errno::ENOENT
    abort "gearmand is not installed: run bin/setup, or give --server HOST:PORT"
  end

  # Now and then gearmand waits for itself for ever when it is to end: then it is made to.
  def stop
    Process.kill(:TERM, @pid)
    200.times { Process.wait(@pid, Process::WNOHANG) ? return : sleep(0.01) }
    Process.kill(:KILL, @pid)
    Process.wait(@pid)
  end
end

# Lines that are easy on the eye.
module Show
  def self.title(text) = puts("\n\e[1m#{text}\e[0m")

  def self.line(label, value, after: nil)
    puts format("  %-12s %s%s", label, value, after ? "   \e[2m#{after}\e[0m" : "")
  end

  def self.bar(numerator, denominator)
    done = numerator.to_i * 20 / denominator.to_i
    line("progress", "#{"█" * done}#{"░" * (20 - done)} #{numerator}/#{denominator}")
  end
end

def start_worker(url)
  worker = EVGearman::Worker.new(url: url, client_id: "demo-worker", loop: EVGearman::Loop.new, on_callback_error: ->(*) {})
  worker.register_function("reverse") { |job| job.workload.reverse }
  worker.register_function("fail") { |_job| raise "there is no such page" }
  worker.register_function("mail") { |_job| nil }
  worker.register_function("count") do |job|
    steps = Integer(job.workload)
    1.upto(steps) { |step| sleep 0.15 and job.status(step, steps) }
    "counted to #{steps}"
  end
  [worker, Thread.new { worker.run(signals: false) }]
end

def milliseconds
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  value = yield
  [value, format("%.2f ms", (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start) * 1000)]
end

def show_foreground(client)
  Show.title "Foreground: submit, wait, have the result"
  result, time = milliseconds { client.call("reverse", "Hello, Gearman") }
  Show.line("reverse", result, after: time)
  tasks = Array.new(1000) { |n| client.submit_job("reverse", n.to_s) }
  results, time = milliseconds { tasks.map(&:value) }
  Show.line("1000 at once", "#{results.first(3).join(", ")} … #{results.last}", after: time)
end

def show_progress(client)
  Show.title "Progress: what the worker says while it works"
  result = client.call("count", "5", on_status: Show.method(:bar))
  Show.line("result", result)
end

def show_background(client)
  Show.title "Background: the server keeps it, a worker will come"
  3.times do |n|
    handle, time = milliseconds { client.enqueue("mail", "letter #{n}") }
    Show.line("mail", handle, after: time)
  end
end

def show_failure(client)
  Show.title "Failure: an error, not a silence"
  client.call("fail")
rescue EVGearman::JobExceptionError => e
  Show.line(e.class.name, e.message, after: "delivery: #{e.delivery}")
end

def demo(url)
  client = EVGearman::Client.new(url: url, on_error: ->(*) {}, command_timeout: 5)
  _, time = milliseconds { client.ping }
  Show.title "Server"
  Show.line("gearmand", client.server, after: "first answer after #{time}")
  worker, thread = start_worker(url)
  show_foreground(client)
  show_progress(client)
  show_background(client)
  show_failure(client)
  worker.stop
  Show.title "Worker"
  Show.line("finished", "#{thread.value[:finished]} jobs")
ensure
  client&.close
end

server = nil
OptionParser.new do |options|
  options.banner = "Usage: bin/demo [--server HOST:PORT]"
  options.on("--server HOST:PORT", "a gearmand that runs already") { |url| server = url }
end.parse!

own = OwnGearmand.new unless server
begin
  demo(server || own.url)
rescue EVGearman::Error => e
  abort "#{e.class}: #{e.message}"
ensure
  own&.stop
end
