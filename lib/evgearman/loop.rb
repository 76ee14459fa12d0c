# frozen_string_literal: true

module EVGearman
  # An event loop. Whoever waits on something of a loop turns it: there is no background thread. Blocks run
  # on the thread that turns it, in order and one at a time; one that takes longer than 100 ms while another
  # thread waits lets that thread drive on.
  #
  # All methods may be called from any thread; {#stop} and {#post} also from a trap handler.
  class Loop
    # @!method initialize
    #   A loop of its own. Most programs need only {Loop.default}.

    # @!method run(timeout = nil)
    #   Turns the loop until {#stop}, also when nothing is watched. Clients on it that never connected do so.
    #   @param timeout [Numeric, nil] seconds
    #   @return [Boolean] true if stopped, false at the timeout
    #   @raise [ConnectionError] "closed"

    # @!method run_once(timeout = nil)
    #   Polls and dispatches once.
    #   @param timeout [Numeric, nil] seconds; nil waits until something happens
    #   @return [Boolean] was a block called?

    # @!method stop
    #   Ends the innermost {#run} of each thread that is in one. While nothing runs it is forgotten.
    #   @return [self]

    # @!method post
    #   The block is called in the next turn, on the thread that drives then.
    #   @yield
    #   @return [self]

    # @!method after(seconds)
    #   Calls the block once, so many seconds from now.
    #   @return [Timer]

    # @!method every(seconds)
    #   Calls the block every so many seconds, first after as many. What was missed is not made up for.
    #   @return [Timer]

    # @!method running?
    #   Is a thread turning it?
    #   @return [Boolean]

    # @!method closed?
    #   @return [Boolean]

    # @!method now
    #   Seconds on the monotonic clock.
    #   @return [Float]

    # @!method backend
    #   What libev polls with: `:epoll`, `:kqueue`, `:poll`, `:select` …
    #   @return [Symbol]

    # A pending {Loop#after} or {Loop#every}. Alive while active, whether you keep it or not.
    class Timer
      # @!method cancel
      #   @return [self]

      # @!method active?
      #   @return [Boolean]
    end

    class << self
      # The loop of the process; a forked child has its own.
      #
      # @return [Loop]
      def default
        @default = new if @default.nil? || @default.closed? || @default_pid != Process.pid
        @default_pid = Process.pid
        @default
      end
    end

    # Turns it on a background thread from now on; twice is nothing. A Fiber scheduler's fibers that wait do that by
    # themselves. Blocks then run on that thread.
    #
    # @return [self]
    # @raise [ConnectionError] "closed"
    def start
      raise ConnectionError, "closed" if closed?
      return self if @thread&.alive?

      @thread = Thread.new { drive }
      @thread.name = "evgearman loop"
      @thread.thread_variable_set(:fork_safe, true)
      self
    end

    # Ends every {#run} and the background thread, closes every client on the loop, and is final.
    #
    # @return [nil]
    def close
      _clients.each { |client| client.close(0) }
      stop
      _close
      @thread&.join(1) unless @thread == Thread.current
      nil
    end

    # Of the background thread.
    private def drive
      _drive until closed?
    rescue SystemExit
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- a block's: whoever waits must not hang for it
      EVGearman._warn_callback_error(e, "block")
      retry
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{closed? ? "closed" : backend}#{" running" if running?}>"
    end
  end

  class << self
    # Runs the default loop.
    # @see Loop#run
    def run(timeout = nil) = Loop.default.run(timeout)

    # Stops the default loop.
    # @see Loop#stop
    def stop = Loop.default.stop

    # Where the errors of blocks go that have no client with an `on_callback_error`.
    # @api private
    def _warn_callback_error(error, where)
      warn "evgearman: #{where} raised #{error.class}: #{error.message} (#{error.backtrace&.first})"
    end
  end
end
