# frozen_string_literal: true

require "fileutils"
require "socket"
require "tmpdir"

# A gearmand on a free port of the loopback interface, that can be killed and brought back.
class ChaosServer
  HOST = "127.0.0.1"
  MEMORY = ["/dev/shm", Dir.tmpdir].find { |dir| File.writable?(dir) } # what was written outlives the process all the same

  attr_reader :restarts

  # @param args [Array<String>] further arguments of gearmand
  def initialize(*args)
    @args = args
    @dir = Dir.mktmpdir("chaos", MEMORY)
    @port = TCPServer.open(HOST, 0) { |server| server.addr[1] }
    @owner = Process.pid
    @restarts = -1
    start
  end

  def url = "#{HOST}:#{@port}"

  # For its clients.
  def tls = nil

  def start
    @restarts += 1
    @pid = Process.spawn(*command, chdir: @dir, %i[out err] => File::NULL)
    sleep(0.01) until answers? || Process.wait(@pid, Process::WNOHANG)
  end

  def kill(signal = "KILL")
    Process.kill(signal, @pid)
    Process.wait(@pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  end

  # It is there and says nothing.
  def freeze = Process.kill("STOP", @pid)
  def thaw = Process.kill("CONT", @pid)

  # A forked child leaves it alone.
  def stop
    return unless @owner == Process.pid

    kill # told to end it takes seconds, and now and then hangs for ever in what its libraries do at exit
    FileUtils.rm_rf(@dir)
  end

  private

  def command
    path = ENV.fetch("PATH").split(":") + %w[/usr/sbin /usr/local/sbin]
    program = path.map { |dir| File.join(dir, "gearmand") }.find { |file| File.executable?(file) } or abort "no gearmand"
    [program, "-L", HOST, "-p", @port.to_s, "-l", File.join(@dir, "log"), *@args]
  end

  def answers?
    Socket.tcp(HOST, @port) { |socket| socket.write("version\n") && socket.gets&.start_with?("OK") }
  rescue SystemCallError
    false
  end
end
