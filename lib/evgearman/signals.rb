# frozen_string_literal: true

module EVGearman
  # TERM and INT, for every {Worker#run} and {Server#run} that listens: they share one trap for each. It is set by the first,
  # and what was there before is restored by the last.
  #
  # @api private
  module Signals
    NAMES = %w[INT TERM].freeze
    TRAP = proc { |number| deliver(number) }
    DEFAULTS = [nil, "DEFAULT", "SYSTEM_DEFAULT", "IGNORE"].freeze
    private_constant :NAMES, :TRAP, :DEFAULTS

    Listener = Struct.new(:worker, :over)
    private_constant :Listener

    @lock = Thread::Mutex.new
    @listeners = [].freeze # replaced, not changed: a trap looks at it between any two steps
    @before = {}

    class << self
      # @param worker [Worker, Server] its `signalled` is called for each, and answers the threads that are to be interrupted
      def while_listening(worker)
        listener = Listener.new(worker, false) # before `ensure` counts: an interrupt may come first
        begin
          undisturbed { enter(listener) }
          yield
        ensure
          listener.over = true
          undisturbed { leave(listener) }
        end
      end

      # Nobody listens: a forked child has none of its parent's workers.
      def after_fork
        @pid = Process.pid
        @listeners = [].freeze
        restore
      end

      private

      # Signals raise in the main thread, and whoever kills or interrupts a thread does not know of this one: so nothing
      # comes between its steps.
      def undisturbed(&block)
        Thread.new { @lock.synchronize(&block) }.value
      rescue ThreadError # no more threads: then by this one
        @lock.synchronize(&block)
      end

      def enter(listener)
        return if listener.over # the wait for this was interrupted

        after_fork if @pid != Process.pid
        @listeners = [*@listeners, listener].freeze
        NAMES.each do |name|
          before = trap(name, TRAP)
          @before[name] = before unless before.equal?(TRAP)
        end
      end

      def leave(listener)
        @listeners = @listeners.reject { |other| other.equal?(listener) }.freeze
        restore if @listeners.empty?
      end

      # A trap that somebody has set meanwhile stays.
      def restore
        @before.each { |name, before| untrap(name, before) }
        @before = {}
      end

      def untrap(name, before)
        now = trap(name, before)
        trap(name, now) unless now.equal?(TRAP)
      end

      # On the main thread, in a trap.
      def deliver(number)
        return if @delivering # a trap that was set after ours calls ours, and was there when ours was set again

        @delivering = true
        begin
          workers = heard_by
          workers.empty? ? again(number) : tell(workers, number)
        ensure
          @delivering = false
        end
      end

      def heard_by = @pid == Process.pid ? @listeners.reject(&:over).map(&:worker) : []

      # It came late: a second one has kept `leave` from being called, or Ruby's hook was not told of a fork.
      def again(number)
        after_fork
        untrap(Signal.signame(number), "DEFAULT") # a fork came between its trap and the note of what was there before
        Process.kill(number, Process.pid)
      end

      def tell(workers, number)
        threads = workers.flat_map { |worker| worker.send(:signalled) }
        call_before(number)
        interrupt(threads)
      end

      # Defaults are what `run` stands for.
      def call_before(number)
        case before = @before[Signal.signame(number)]
        when *DEFAULTS then nil
        when "EXIT" then exit
        when String then TOPLEVEL_BINDING.eval(before)
        else before.call(number)
        end
      end

      # This one last, since that ends the method.
      def interrupt(threads)
        threads.uniq.sort_by { |thread| thread == Thread.current ? 1 : 0 }.each { |thread| thread.raise(Interrupt, "") }
      end
    end
  end
end
