# frozen_string_literal: true

require "json"
require "tmpdir"

# `evgearman work`, as an operator starts it: with what it logged, and its processes.
class Workforce
  PROGRAM = File.expand_path("../../exe/evgearman", __dir__)
  HANDLERS = File.expand_path("../runtime/files/handlers.rb", __dir__)

  attr_reader :pid, :dir

  # @param flags [Array<String>]
  # @param ruby [Array<String>] which Ruby
  def initialize(ruby, url, *flags, env: {}, handlers: HANDLERS)
    @dir = Dir.mktmpdir("workforce")
    flags = ["-s", url, "-r", handlers, "--log-format", "json", *flags]
    env = { "RUBYOPT" => nil, "TRACES" => traces, **env } # without bundler, which takes its time
    @pid = Process.spawn(env, *ruby, "-w", PROGRAM, "work", *flags, chdir: @dir, pgroup: true, %i[out err] => output)
  end

  # Where handlers and hooks leave a line.
  def traces = File.join(dir, "traces")
  def traced = File.exist?(traces) ? File.readlines(traces, chomp: true) : []

  def output = File.join(dir, "output")

  # What it logged, as Hashes; what is no JSON as it is.
  def log
    File.readlines(output, chomp: true).map { |line| line.start_with?("{") ? JSON.parse(line) : line }
  end

  def logged(message) = log.select { |line| line["message"].to_s.include?(message) }

  # Ids of processes that are ready, as the supervisor told last.
  def workers = (logged("ready").reverse.find { |line| line["processes"] } || {}).fetch("processes", "").split(",").map(&:to_i)

  def signal(name, process = pid) = Process.kill(name, process)

  # Its status, once it has ended.
  def status
    @status ||= Process.wait2(pid, Process::WNOHANG)&.last
  end

  def gone?(process) = Workforce.gone?(process)

  # Has it ended?
  def self.gone?(process)
    File.read("/proc/#{process}/stat")[/\) (\w)/, 1] == "Z"
  rescue Errno::ENOENT
    true
  end

  # Answers [], as servers do.
  def stop
    kill_all
    FileUtils.rm_rf(dir)
    []
  end

  private

  # It and its processes are a group.
  def kill_all
    Process.kill("KILL", -pid)
  rescue Errno::ESRCH
    nil # they have all ended
  ensure
    @status ||= Process.wait2(pid).last
  end
end

module Workforces
  # Started, and ended with the example. With `wait: false` it may not be ready yet.
  def workforce(*flags, url: server.url, wait: true, **options)
    made = Workforce.new(ruby, url, *flags, **options)
    (@servers ||= []) << made
    wait_for(made) { made.workers.any? } if wait
    made
  end

  # Until the block is true; what it logged is shown when it never is.
  def wait_for(workforce)
    eventually { yield || workforce.status }
    value = yield
    raise "it ended:\n" unless value

    value
  rescue RuntimeError => e
    raise "#{e.message}\n#{File.read(workforce.output).chars.last(3000).join}"
  end

  def ended(workforce) = eventually { workforce.status }.exitstatus
end

RSpec.configure { |config| config.include Workforces }
