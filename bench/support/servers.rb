# frozen_string_literal: true

require "etc"
require "socket"
require_relative "gearmand"

module Bench
  # A server on one core of its own, whose CPU time and memory are looked up from outside.
  class Pinned
    CORE = 0
    TICK = 1.0 / Etc.sysconf(Etc::SC_CLK_TCK)
    PAGE = Etc.sysconf(Etc::SC_PAGESIZE)

    # As long as the block runs.
    def self.run
      port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
      pid = spawn(*Cores.pin(CORE), *command(port), %i[out err] => File::NULL)
      Gearmand.wait_for(port)
      yield new(pid, "127.0.0.1:#{port}")
    ensure
      Gearmand.stop(pid) if pid
    end

    attr_reader :address

    def initialize(pid, address)
      @pid = pid
      @address = address
    end

    # Seconds of all its threads, user and system.
    def cpu = File.read("/proc/#{@pid}/stat").rpartition(")").last.split.values_at(11, 12).sum(&:to_i) * TICK

    # Bytes.
    def memory = File.read("/proc/#{@pid}/statm").split[1].to_i * PAGE
  end

  # Ours, in a process that does nothing else.
  class OurServer < Pinned
    NAME = "evgearman"
    LIB = File.expand_path("../../lib", __dir__)
    SERVE = "EVGearman::Server.new(port: Integer(ARGV.fetch(0)), max_jobs: 3_000_000, max_connections: 2000).run"

    # The build that whoever measures has, or that in lib.
    def self.command(port)
      path = [*$LOAD_PATH, LIB].join(File::PATH_SEPARATOR)
      [RbConfig.ruby, "--disable=gems", "-I#{path}", "-revgearman", "-e", SERVE, port.to_s]
    end
  end

  # gearmand, with hash tables for as many jobs as are to come.
  class TheirServer < Pinned
    NAME = "gearmand"

    def self.command(port)
      [Gearmand.program, "-L", "127.0.0.1", "-p", port.to_s, "-l", "none", "--hashtable-buckets", "1000003"]
    end
  end

  # Who runs where.
  module Cores
    # What comes before a command.
    def self.pin(core) = system("taskset", "-V", %i[out err] => File::NULL) ? ["taskset", "-c", core.to_s] : []
  end
end
