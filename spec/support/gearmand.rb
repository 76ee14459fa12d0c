# frozen_string_literal: true

require "fileutils"
require "socket"
require "tmpdir"
require_relative "asks"

# A real gearmand on a free port of the loopback interface.
class Gearmand
  include Asks

  # Its files need no disk: what a killed process has written is there all the same, and a queue is a hundred times
  # faster.
  MEMORY = ["/dev/shm", Dir.tmpdir].find { |dir| File.writable?(dir) }

  class << self
    # One for the whole suite, for specs that leave nothing behind: use function names of your own.
    def shared
      @shared ||= start
    end

    # @param args [Array<String>] further arguments of gearmand; its directory is its own
    # @param options [Hash] the same by the names of our server's
    def start(*args, **options)
      new(*args, *options.map { |name, value| "--#{name.to_s.tr("_", "-")}=#{value}" }).tap(&:start)
    end

    # Those that are still there. A forked child leaves its parent's alone.
    def stop_all
      all.dup.each(&:stop) if @owner == Process.pid
      @shared = nil
    end

    def all
      @owner ||= Process.pid
      @all ||= []
    end
  end

  attr_reader :pid, :port, :dir

  def initialize(*args)
    @args = args
    @dir = Dir.mktmpdir("gearmand", MEMORY)
    Gearmand.all << self
  end

  def host = "127.0.0.1"
  def url = "#{host}:#{port}"
  def log = File.join(dir, "gearmand.log")
  def running? = !pid.nil?

  # Also: again, on the same port.
  def start
    5.times do
      @port ||= free_port
      spawn_it
      return self if ready?

      @port = nil unless @was_ready # somebody else took it
    end
    raise "gearmand does not start: #{File.exist?(log) ? File.read(log) : "no log"}"
  end
  alias restart start

  # It ends as an operator would end it. Answers [], what FakeServer#stop answers when all went well.
  def stop
    finish("TERM")
    Gearmand.all.delete(self)
    FileUtils.rm_rf(dir)
    []
  end

  # It ends as a crash would end it; `restart` brings it back.
  def kill
    finish("KILL")
  end

  # It is there and says nothing.
  def freeze
    Process.kill("STOP", pid)
    Process.wait(pid, Process::WUNTRACED) # until the last of its threads stands still
  end

  def thaw = Process.kill("CONT", pid)

  # Did it end by itself?
  def ended?
    return pid.nil? unless pid && Process.wait(pid, Process::WNOHANG)

    @pid = nil
    true
  end

  private

  def free_port = TCPServer.open(host, 0) { |server| server.addr[1] }

  def spawn_it
    program = Requirements.find("gearmand") or raise "gearmand is not installed"
    command = [program, "-L", host, "-p", port.to_s, "-l", log, *@args]
    @pid = Process.spawn(Requirements::PLAIN, *command, chdir: dir, %i[out err] => File::NULL)
  end

  # Answers false when it ended instead.
  def ready?
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 15
    until answers?
      return false if ended? || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep(0.01)
    end
    @was_ready = true
  end

  def answers?
    ask("version").start_with?("OK")
  rescue SystemCallError, NoMethodError
    false
  end

  # gearmand 1.1.20 now and then waits for itself for ever when it is to end: then it is made to.
  def finish(signal)
    return unless pid

    Process.kill("CONT", pid)
    Process.kill(signal, pid)
    200.times { ended? ? return : sleep(0.01) }
    Process.kill("KILL", pid)
    Process.wait(pid)
    @pid = nil
  rescue Errno::ESRCH, Errno::ECHILD
    @pid = nil
  end
end

RSpec.configure do |config|
  config.after(:suite) { Gearmand.stop_all }
end
