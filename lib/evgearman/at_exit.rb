# frozen_string_literal: true

module EVGearman
  # The end of the program: requests that were made and not waited for are written, if that can be done soon.
  #
  # @api private
  module AtExit
    SECONDS = 1
    SLICE = 0.02 # of it, for one connection after the other: none is to have it all
    private_constant :SECONDS, :SLICE

    class << self
      def write_out
        connections = Loop._ending.flat_map { |loop| loop.send(:_clients) }.select { |one| one.send(:_unwritten?) }
        return if connections.empty?

        before = connections.sum { |connection| connection.send(:_not_sent) }
        left = write(connections, now + SECONDS)
        tell(connections, connections.sum { |connection| connection.send(:_not_sent) } - before, left)
      end

      private

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

      # Answers those that were not done in time.
      def write(connections, deadline)
        left = connections
        left = left.reject { |connection| connection.send(:_write_out, SLICE) } until left.empty? || now > deadline
        left
      end

      def tell(connections, failed, left)
        requests = failed + left.sum(&:waiting_count)
        bytes = left.sum(&:unsent_bytes)
        return if requests.zero? && bytes.zero?

        what = requests.zero? ? "#{bytes} bytes" : "#{requests} request#{"s" if requests > 1}"
        servers = connections.map(&:server).uniq.join(", ")
        EVGearman._report(:warn, "evgearman: the program ended before it had written #{what} (#{servers})")
      end
    end

    at_exit { write_out }
  end
end
