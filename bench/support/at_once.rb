# frozen_string_literal: true

require "socket"

module Bench
  # A server that answers a job at once, JOB_CREATED and WORK_COMPLETE in one write, in a process of its own. With gearmand
  # and a worker it is chance whether a call takes one turn of the loop or two, and that is more than what one wants to see.
  class AtOnce
    VERSION_ANSWER = "OK 1.1.20\n"
    SUBMIT_JOB, JOB_CREATED, WORK_COMPLETE, ECHO_REQ, ECHO_RES, OPTION_REQ, OPTION_RES = 7, 8, 13, 16, 17, 26, 27

    # As long as the block runs.
    def self.run
      listener = TCPServer.new("127.0.0.1", 0)
      pid = fork { loop { Thread.new(listener.accept) { |socket| new(socket).serve } } }
      yield "127.0.0.1:#{listener.addr[1]}"
    ensure
      listener&.close
      Process.kill("TERM", pid) && Process.wait(pid) if pid
    end

    def initialize(socket)
      @socket = socket
      @jobs = 0
    end

    def serve
      while (first = @socket.read(1))
        answer = first == "\0" ? packet : text
        @socket.write(answer) if answer
      end
    rescue SystemCallError
      nil # the client has left
    end

    private

    def text = @socket.gets && VERSION_ANSWER

    def packet
      type, length = @socket.read(11).unpack("x3NN")
      body = @socket.read(length)
      case type
      when SUBMIT_JOB then job(body[/[^\0]*\z/])
      when ECHO_REQ then encode(ECHO_RES, body)
      when OPTION_REQ then encode(OPTION_RES, body)
      end
    end

    def job(workload)
      handle = "H:bench:#{@jobs += 1}"
      encode(JOB_CREATED, handle) + encode(WORK_COMPLETE, "#{handle}\0#{workload}")
    end

    def encode(type, body) = ["\0RES", type, body.bytesize, body].pack("a4NNa*")
  end
end
