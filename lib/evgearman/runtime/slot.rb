# frozen_string_literal: true

module EVGearman
  class Runtime
    # A place for one process: who dies there is succeeded, after a while when that happens again and again; and there may be
    # a successor, who is ready before the other is told to end.
    #
    # @api private
    class Slot
      FIRST_DELAY = 0.1
      LAST_DELAY = 30
      ESTABLISHED = 10 # seconds, after which a death is no failure of the beginning
      private_constant :FIRST_DELAY, :LAST_DELAY, :ESTABLISHED

      attr_reader :number

      # @param timeout [Numeric] seconds that one has to end
      # @yield [number] forks
      # @yieldreturn [Child]
      def initialize(number, timeout, &fork)
        @number = number
        @timeout = timeout
        @fork = fork
        @due = 0
        @failures = 0
      end

      # @return [Array<Child>]
      def children = [@child, @successor].compact

      # It is done, and nobody is missing.
      def close = @closed = true

      def empty? = @closed && children.empty?

      # Forks, if one is missing.
      def fill
        @child ||= @fork.call(number) if now >= @due && !@closed
      end

      # Seconds until {fill} does something; 0 when it has nothing to do.
      def wait = @child || @closed ? 0 : (@due - now).clamp(0..)

      def renew = @successor ||= @fork.call(number)

      def renewing? = !@successor.nil?

      # The other may go, now that somebody else is there.
      def relieve
        @child.stop("TERM", @timeout) if @successor&.ready? && @child && !@child.ending?
      end

      # One of its children is dead.
      def lost(child)
        if child.equal?(@child)
          @child = @successor
          @due = now + delay(child) unless @child
        end
        @successor = nil
      end

      private

      def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)

      def delay(child)
        @failures = child.status&.success? || child.age > ESTABLISHED ? 0 : @failures + 1
        @failures.zero? ? 0 : (FIRST_DELAY * (2**(@failures - 1))).clamp(..LAST_DELAY)
      end
    end
  end
end
