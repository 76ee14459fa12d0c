# frozen_string_literal: true

require "socket"

module Bench
  # A fresh gearmand on a free port of the loopback interface, as long as the block runs.
  module Gearmand
    # Its own default is so small that with many jobs queued its hash chains are what is measured.
    BUCKETS = 100_003
    PATIENCE = 15

    module_function

    # Debian keeps it where only root looks.
    def program
      path = ENV.fetch("PATH", "").split(File::PATH_SEPARATOR) + %w[/usr/sbin /usr/local/sbin]
      path.map { |dir| File.join(dir, "gearmand") }.find { |file| File.executable?(file) } or abort "bench: no gearmand"
    end

    def version = `#{program} --version`[/\S*\d\S*/]

    def run
      port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
      pid = spawn(program, "-L", "127.0.0.1", "-p", port.to_s, "-l", "none", "--hashtable-buckets", BUCKETS.to_s,
                  %i[out err] => File::NULL)
      wait_for(port)
      yield "127.0.0.1:#{port}"
    ensure
      stop(pid) if pid
    end

    def wait_for(port)
      give_up = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE
      begin
        TCPSocket.new("127.0.0.1", port).close
      rescue Errno::ECONNREFUSED
        raise if Process.clock_gettime(Process::CLOCK_MONOTONIC) > give_up

        sleep(0.005)
        retry
      end
    end

    # Told to end, gearmand takes its time, and now and then for ever.
    def stop(pid)
      Process.kill("KILL", pid)
      Process.wait(pid)
    end
  end
end
