# frozen_string_literal: true

# What workers without work cost: CPU over so many seconds, asleep and disconnected, and memory beside a bare Ruby.
#
#     rake bench:idle[60]      or: ruby -Ilib bench/idle.rb SECONDS
#
# `evgearman work -p 1 -c 5`, whose five threads have each run a job.

require "etc"
require "rbconfig"
require "tmpdir"
require "evgearman"

class Idle
  TICKS = Etc.sysconf(Etc::SC_CLK_TCK)
  PROGRAM = File.expand_path("../exe/evgearman", __dir__)
  HANDLERS = %(EVGearman::Runtime.register("nap") { sleep(0.2).to_s })
  NAMES = %w[supervisor worker].freeze
  RUBY = [RbConfig.ruby, "-I#{$LOAD_PATH.join(File::PATH_SEPARATOR)}"].freeze

  def initialize(seconds)
    @seconds = seconds
    @server = EVGearman::Server.new.start
  end

  def run
    Dir.mktmpdir("idle") do |dir|
      start(dir)
      memory
      cpu("asleep")
      @server.stop
      cpu("disconnected")
    end
  ensure
    [*@pids, @bare].compact.each { |pid| Process.kill("KILL", pid) }
  end

  private

  def start(dir)
    File.write("#{dir}/handlers.rb", HANDLERS)
    flags = ["-s", @server.url, "-r", "#{dir}/handlers.rb", "-p", "1", "-c", "5"]
    quiet = { %i[out err] => File::NULL }
    supervisor = Process.spawn(*RUBY, PROGRAM, "work", *flags, quiet)
    EVGearman::Client.new(url: @server.url).map("nap", ["x"] * 20)
    @pids = [supervisor, File.read("/proc/#{supervisor}/task/#{supervisor}/children").to_i]
    @bare = Process.spawn(RbConfig.ruby, "-e", "sleep", quiet)
    sleep(2)
  end

  def memory
    puts "                 RSS    private"
    [*@pids, @bare].zip([*NAMES, "bare Ruby"]) do |pid, name|
      text = File.read("/proc/#{pid}/smaps_rollup")
      own = text.scan(/^Private_(?:Clean|Dirty): +(\d+)/).flatten.sum(&:to_i)
      puts format("%-10s %6.1f MB  %6.1f MB", name, text[/^Rss: +(\d+)/, 1].to_i / 1024.0, own / 1024.0)
    end
  end

  def cpu(how)
    before = @pids.map { |pid| ticks(pid) }
    sleep(@seconds)
    @pids.zip(NAMES, before) do |pid, name, was|
      seconds = (ticks(pid) - was).fdiv(TICKS)
      puts format("%-10s %-12s %.2f %% of a core over %d s", name, how, seconds * 100 / @seconds, @seconds)
    end
  end

  # Of user and system.
  def ticks(pid) = File.read("/proc/#{pid}/stat")[/\) (.*)/, 1].split.values_at(11, 12).sum(&:to_i)
end

Idle.new(Integer(ARGV.fetch(0, 60))).run
