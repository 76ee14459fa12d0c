# frozen_string_literal: true

module EVGearman
  # A request and its one outcome.
  #
  # Blocks may be set at any time: one that is late for an outcome is called in the next turn; data that came before
  # it was set is not repeated. Whoever waits turns the loop.
  class Task
    # @!method value(timeout = nil)
    #   Waits. Blocks of this Task have been called when it returns.
    #   @param timeout [Numeric, nil] seconds
    #   @return [Object] the result
    #   @raise [TimeoutError] when the time passes first; the Task goes on
    #   @raise [Error] why it failed

    # @!method wait(timeout = nil)
    #   Waits for the end, good or bad.
    #   @param timeout [Numeric, nil] seconds
    #   @return [self, nil] nil when the time passed first

    # @!method state
    #   @return [Symbol] `:waiting` (not written), `:sent`, `:created`, `:running`, `:succeeded`, `:failed`, `:abandoned`

    # @!method done?
    #   @return [Boolean]

    # @!method success?
    #   @return [Boolean]

    # @!method failed?
    #   @return [Boolean]

    # @!method result
    #   @return [Object, nil] the value, without waiting

    # @!method error
    #   @return [Error, nil]

    # @!method handle
    #   @return [String, nil] of the job that was submitted, from JOB_CREATED on

    # @!method function
    #   @return [String, nil]

    # @!method unique
    #   @return [String, nil]

    # @!method client
    #   @return [Client, Worker]

    # @!method progress
    #   @return [Array(Integer, Integer), nil] the last numerator and denominator

    # @!method on_created
    #   @yield [handle]
    #   @return [self]

    # @!method on_complete
    #   @yield [result]
    #   @return [self]

    # @!method on_fail
    #   @yield [error]
    #   @return [self]

    # @!method on_finish
    #   @yield [result, error]
    #   @return [self]

    # @!method on_data
    #   @yield [bytes]
    #   @return [self]

    # @!method on_warning
    #   @yield [bytes]
    #   @return [self]

    # @!method on_exception
    #   @yield [bytes]
    #   @return [self]

    # @!method on_status
    #   @yield [numerator, denominator] as Strings
    #   @return [self]

    # @!method abandon
    #   No block is called any more, and {#value} raises Error "abandoned". The job itself goes on.
    #   @return [self]

    # Waits for several.
    #
    # @param tasks [Enumerable<Task>]
    # @param timeout [Numeric, nil] seconds for all of them
    # @return [Array] their values in order
    # @raise [TimeoutError] when the time passes first; the Tasks go on
    # @raise [Error] of the first that failed, after all have ended
    def self.all(tasks, timeout = nil)
      tasks = tasks.to_a
      deadline = Seconds.check(timeout) && (Process.clock_gettime(Process::CLOCK_MONOTONIC) + timeout)
      tasks.each do |task|
        left = deadline && [deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC), 0].max
        task.wait(left) or raise TimeoutError, "timeout"
      end
      tasks.map(&:value)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{[function, handle, state].compact.join(" ")}>"
    end
  end
end
