# frozen_string_literal: true

require "json"
require "socket"

module EVGearman
  class Runtime
    # Between a supervisor and one of its processes: tables, one a line. Who is gone is at an end.
    #
    # @api private
    class Line
      # @return [Array(Line, Line)]
      def self.pair = UNIXSocket.pair.map { |socket| new(socket) }

      attr_reader :socket

      def initialize(socket)
        @socket = socket
        @input = +""
        @output = +""
        @lock = Thread::Mutex.new
      end

      # Says it, unless what was said before is still not taken: then it does nothing, and does not wait.
      #
      # @yieldreturn [Hash]
      def say
        @lock.synchronize do
          @output << JSON.generate(yield) << "\n" if @output.empty?
          written = @socket.write_nonblock(@output, exception: false)
          @output.slice!(0, written) if written.is_a?(Integer)
        end
      rescue SystemCallError, IOError
        nil # who is gone is noticed by who reads
      end

      # @return [Array<Hash>, nil] what has come; nil at the end
      def heard
        text = @socket.read_nonblock(65_536, exception: false)
        return if text.nil?

        @input << text if text.is_a?(String)
        lines = @input.slice!(/\A.*\n/m) or return []
        lines.lines.map { |line| JSON.parse(line) }
      rescue SystemCallError, IOError
        nil
      end

      def close = @socket.close
    end
  end
end
