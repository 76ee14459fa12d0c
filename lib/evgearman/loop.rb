# frozen_string_literal: true

module EVGearman
  # An event loop. Whoever waits on something of a loop turns it: there is no background thread. Blocks run
  # on the thread that turns it, in order and one at a time; one that takes longer than 100 ms while another
  # thread waits lets that thread drive on. While a block waits for something of this loop, others are called, up to 64
  # inside each other; a wait below that calls none.
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
    #   Polls and dispatches once. While another thread turns the loop it waits until something happened there, which it
    #   notices within 100 ms, and calls nothing.
    #   @param timeout [Numeric, nil] seconds; nil waits until something happens
    #   @return [Boolean] was a block called?
    #   @raise [ConnectionError] "closed"

    # @!method stop
    #   Ends the innermost {#run} of each thread that is in one. While nothing runs it is forgotten.
    #   @return [self]

    # @!method post
    #   The block is called in the next turn, on the thread that drives then.
    #   @yield
    #   @return [self]
    #   @raise [ArgumentError] without a block
    #   @raise [ConnectionError] "closed"

    # @!method after(seconds)
    #   Calls the block once, so many seconds from now.
    #   @param seconds [Numeric] 0 is the next turn
    #   @yield
    #   @return [Timer]
    #   @raise [ArgumentError] without a block, or for a time that is none
    #   @raise [ConnectionError] "closed"

    # @!method every(seconds)
    #   Calls the block every so many seconds, first after as many. What was missed is not made up for, nor what was due
    #   while the block ran or waited for something of this loop.
    #   @param seconds [Numeric] above 0
    #   @yield
    #   @return [Timer]
    #   @raise [ArgumentError] without a block, or for a time that is none
    #   @raise [ConnectionError] "closed"

    # @!method io(io, events)
    #   Calls the block in each turn in which the IO is ready: as long as there is something to read, or room to write.
    #   While the block runs it is not called again, also when it waits for something of this loop.
    #
    #   The IO is not read nor written, nor kept from being closed: a closed one is not watched any more, whoever closed
    #   it. Ruby's own buffer is not looked at, so read with `read_nonblock` or `readpartial`, not by lines. Each watcher
    #   costs a descriptor of its own. In a forked child it is not active.
    #
    #   @param io [IO, #to_io] a regular file is always ready
    #   @param events [:read, :write, :read_write] what to wait for
    #   @yieldparam event [:read, :write, :read_write] what it is ready for. An error or a hang-up is `:read`
    #     (`:write` where only that is waited for): the block hears of it when it reads
    #   @return [Watcher]
    #   @raise [ArgumentError] without a block, or for other events
    #   @raise [TypeError] for what is no IO
    #   @raise [IOError] for a closed one
    #   @raise [SystemCallError] when there are no more descriptors
    #   @raise [ConnectionError] "closed"

    # @!method each_turn
    #   Calls the block at the end of each turn, behind all other blocks of it; so not while the loop sleeps. A turn that
    #   is left by an exception calls it when it goes on.
    #   @yield
    #   @return [Watcher]
    #   @raise [ArgumentError] without a block
    #   @raise [ConnectionError] "closed"

    # @!method closed?
    #   Was it closed, for good?
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
      #   From any thread and any block, its own too: from then on the block is not called. Idempotent.
      #   @return [self]

      # @!method active?
      #   Will it be called?
      #   @return [Boolean]

      # @return [String] "timer every 1.0 s", "timer in 0.25 s"
      def to_s
        return "timer every #{_every} s" if _every

        active? ? "timer in #{_left.round(3)} s" : "timer"
      end

      # @return [String]
      def inspect
        Words.show(self) { [self, ("(not active)" unless active?)] }
      end
    end

    # What {Loop#io} and {Loop#each_turn} answer. Alive while active, whether you keep it or not.
    class Watcher
      # @!method cancel
      #   From any thread and any block, its own too: from then on the block is not called, even if there is something
      #   to tell in this turn. Does not close the IO. Idempotent.
      #   @return [self]

      # @!method active?
      #   @return [Boolean] not cancelled, its IO and its loop not closed

      # @return [String] "read #<IO:fd 7>", "each_turn app.rb:12"
      def to_s
        _io ? "#{_events} #{_io.inspect}" : "each_turn #{_block.source_location&.join(":")}".rstrip
      end

      # @return [String]
      def inspect
        Words.show(self) { [self, ("(not active)" unless active?)] }
      end
    end

    # @!method self.default
    #   The loop of the process; a forked child has its own, started if its parent's was. Another one after that was
    #   closed.
    #   @return [Loop]

    # What is on the loop, for people to read: timers, watchers and clients.
    #
    # @return [Array<String>] such as "timer every 1.0 s", "read #<IO:fd 7>", "each_turn app.rb:12",
    #   "client 127.0.0.1:4730 connected"
    def watchers
      (_timers + _watchers).map(&:to_s) + _clients.map do |client|
        "#{client.is_a?(Worker) ? "worker" : "client"} #{client.server} #{client.state}"
      end
    end

    # @!method start
    #   Turns it on a background thread from now on; twice is nothing. Fibers that a Fiber scheduler suspends need
    #   none: a thread turns it as long as any of them wait. Blocks then run on that thread. In a forked child it is started
    #   again at its first use.
    #   @return [self]
    #   @raise [ConnectionError] "closed"
    #   @raise [ThreadError] when no thread can be made

    # Is a thread turning it? From {#start} on one is.
    #
    # @return [Boolean]
    def running? = _driven? || _started?

    # Ends every {#run} and the background thread, closes every client on the loop, and is final.
    #
    # @return [nil]
    def close
      _clients.each { |client| client.close(0) }
      stop
      _close
      _background&.join(1) unless _background == Thread.current
      nil
    end

    # Make the threads that turn it: the one of the background, and the one for fibers.
    private def start_thread = OwnThread.start("evgearman loop") { drive { _drive } }
    private def start_attendant = OwnThread.start("evgearman loop") { drive { _attend } }

    private def drive
      yield
    rescue SystemExit
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- a block's: whoever waits must not hang for it
      EVGearman._warn_callback_error(e, "block")
      retry
    end

    # @return [String]
    def inspect = Words.show(self) { [closed? ? :closed : backend, (:running if running?)] }
  end

  class << self
    # Runs the default loop.
    # @see Loop#run
    def run(timeout = nil) = Loop.default.run(timeout)

    # Stops the default loop.
    # @see Loop#stop
    def stop = Loop.default.stop
  end
end
