# frozen_string_literal: true

# The main job, from all ends: a server, a worker, and a client with foreground, background and delayed jobs, progress, what
# the server knows, and an error.
#
#     bin/demo                         on the server of this gem, in this process
#     bin/demo --server HOST:PORT      on a gearmand that runs already

require "evgearman"
require "optparse"

# Lines that are easy on the eye; plain text where nobody looks.
module Show
  COLOURS = $stdout.tty? && !ENV.key?("NO_COLOR")
  BAR = 24

  module_function

  def paint(code, text) = COLOURS ? "\e[#{code}m#{text}\e[0m" : text
  def bold(text) = paint(1, text)
  def dim(text) = paint(2, text)
  def good(text) = paint(32, text)
  def bad(text) = paint(31, text)

  def title(name, about) = puts("", "#{bold(name)}  #{dim(about)}")

  def line(label, value, after = nil)
    seen = label.gsub(/\e\[\d+m/, "").size
    puts "  #{label}#{" " * [12 - seen, 2].max}#{value}#{"   #{dim(after)}" if after}"
  end

  # Over and over in one line; where that cannot be, only the last.
  def bar(done, whole)
    return if done < whole && !COLOURS

    full = done * BAR / whole
    print "\r" if COLOURS
    print "  #{"progress".ljust(12)}#{good("█" * full)}#{dim("░" * (BAR - full))} #{done}/#{whole}"
    puts if done == whole
  end

  def table(head, rows)
    widths = [head, *rows].transpose.map { |column| column.map { |cell| cell.to_s.size }.max }
    [head, *rows].each_with_index do |row, at|
      text = row.zip(widths).map { |cell, width| cell.is_a?(Integer) ? cell.to_s.rjust(width) : cell.to_s.ljust(width) }
      puts "  #{at.zero? ? dim(text.join("  ")) : text.join("  ")}".rstrip
    end
  end
end

def milliseconds
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  value = yield
  [value, format("%.2f ms", (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start) * 1000)]
end

def start_worker(url, ran)
  worker = EVGearman::Worker.new(url: url, client_id: "demo-worker", loop: EVGearman::Loop.new, on_callback_error: ->(*) {})
  worker.register_function("reverse") { |job| job.workload.reverse }
  worker.register_function("fail") { |_job| raise "there is no such page" }
  worker.register_function("mail") { |job| ran << job.workload and nil }
  worker.register_function("count") do |job|
    steps = Integer(job.workload)
    1.upto(steps) { |step| sleep(0.12) and job.status(step, steps) }
    "counted to #{steps}"
  end
  [worker, Thread.new { worker.run(signals: false) }]
end

def show_server(client, about)
  version, time = milliseconds { client.server_version.value }
  Show.title("Server", about)
  Show.line(version, client.server, "first answer after #{time}")
end

def show_foreground(client)
  Show.title("Foreground", "the client waits for what the worker makes of it")
  result, time = milliseconds { client.call("reverse", "Hello, Gearman") }
  Show.line("one job", result, time)
  results, time = milliseconds { client.map("reverse", (1000...2000).map(&:to_s)) }
  Show.line("1,000 jobs", "#{results.first(4).join(" ")} … #{results.last}", time)
  Show.line("result", client.call("count", "8", on_status: ->(done, whole) { Show.bar(Integer(done), Integer(whole)) }))
end

# The delayed one is still to come.
def show_background(client, ran)
  Show.title("Background", "the server keeps it, and the client goes on")
  handle, time = milliseconds { client.enqueue("mail", "a letter") }
  Show.line("mail", handle, "acknowledged in #{time}")
  Show.line("", "the worker has #{ran.pop}")
  handle, time = milliseconds { client.enqueue("mail", "a reminder", in: 1) }
  Show.line("in a second", handle, "acknowledged in #{time}")
end

def show_status(client)
  Show.title("Status", "what the server knows")
  functions = client.server_status.value
  Show.table(%w[function jobs running workers], functions.map { |row| [row.name, row.total, row.running, row.workers] })
  puts
  workers = client.server_workers.value.reject { |row| row.functions.empty? }
  Show.table(%w[worker from can], workers.map { |row| [row.client_id, row.ip, row.functions.sort.join(" ")] })
end

def show_failure(client)
  Show.title("Failure", "an error, and not a silence")
  client.call("fail")
rescue EVGearman::JobExceptionError => e
  Show.line(Show.bad("error"), e.message)
end

def show_delayed(ran)
  Show.title("A second later", "the server wakes the worker, whose handler")
  Show.line("mail", "has #{ran.pop}")
end

def demo(url, about)
  ran = Queue.new
  client = EVGearman::Client.new(url: url, on_error: ->(*) {}, command_timeout: 5, reconnect: false)
  show_server(client, about)
  worker, thread = start_worker(url, ran)
  show_foreground(client)
  show_background(client, ran)
  show_status(client)
  show_failure(client)
  show_delayed(ran)
  worker.stop
  Show.line("finished", "#{thread.value[:finished]} jobs in all")
ensure
  client&.close
end

url = nil
OptionParser.new do |options|
  options.banner = "Usage: bin/demo [--server HOST:PORT]"
  options.on("--server HOST:PORT", "a gearmand that runs already") { |address| url = address }
end.parse!

server = EVGearman::Server.new.start unless url
begin
  demo(url || server.url, server ? "of this gem, on a thread of this process" : "yours")
rescue EVGearman::Error => e
  abort "#{e.class}: #{e.message}"
ensure
  server&.stop
end
