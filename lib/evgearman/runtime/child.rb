# frozen_string_literal: true

module EVGearman
  class Runtime
    # A process that was forked, as its supervisor sees it.
    #
    # @api private
    class Child
      GRACE = 5 # seconds beyond those that it was given
      private_constant :GRACE

      class << self
        # @param number [Integer] which of them it is
        # @param inbox [Inbox] of the supervisor
        # @yield in the child, first: what it has of its parent, and does not need, is closed there
        def fork(settings, log, number:, inbox:, deadly:)
          ledger = Ledger.new(settings[:concurrency]) unless settings[:max_deaths].zero?
          mine, its = Line.pair
          pid = Kernel.fork do
            mine.close
            yield
            exit(Workshop.child(settings, log, parent: inbox, number: number, line: its, ledger: ledger, deadly: deadly).run)
          end
          its.close
          new(number, pid, mine, ledger)
        end
      end

      attr_reader :number, :pid, :ledger, :state, :failure

      def initialize(number, pid, line, ledger)
        @number = number
        @pid = pid
        @line = line
        @ledger = ledger
        @born_at = @heard_at = now
        @state = {}
      end

      # @return [UNIXSocket, nil] nil: there is nothing more to hear
      def socket = @line&.socket

      def say(message) = @line&.say { message }

      # @return [Array<Hash>] what it said
      def hear
        messages = @line&.heard
        forget_line unless messages
        messages.to_a.each { |message| note(message) }
      end

      def ready? = @state["ready"] == true
      def connected? = @state["connected"] == true
      def ending? = !@kill_at.nil?
      def age = now - @born_at
      def silence = now - @heard_at

      # How it ended, once it has.
      # @return [Process::Status, nil]
      def status
        @status ||= ::Process.wait2(pid, ::Process::WNOHANG)&.last
      rescue Errno::ECHILD
        nil
      end

      # How it ended, in words.
      def end
        return "killed by SIG#{Signal.signame(status.termsig)}" if status&.signaled?

        "exit #{status&.exitstatus || "unknown"}"
      end

      def signal(name)
        ::Process.kill(name, pid)
      rescue Errno::ESRCH
        nil # it has just ended
      end

      # @param timeout [Numeric] seconds after which it is killed
      def stop(name, timeout)
        @kill_at = now + timeout + GRACE
        signal(name)
      end

      # What has had its time is killed.
      def enforce = @kill_at && now > @kill_at && signal("KILL")

      # Bytes of memory.
      # @return [Integer]
      def rss = Board.rss(pid)

      def close
        forget_line
        @ledger&.close
      end

      private

      def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)

      def note(message)
        @heard_at = now
        @failure = message["failed"] || @failure
        @state = message if message.key?("ready")
      end

      def forget_line
        @line&.close
        @line = nil
      end
    end
  end
end
