# frozen_string_literal: true

module EVGearman
  # A request and its one outcome.
  #
  # Blocks may be set at any time: one that is late for an outcome is called in the next turn; data that came before
  # it was set is not repeated. They are called on the thread that turns the loop, in order, each kind as often as it was
  # set; what one raises goes to {Connection#on_callback_error}. Whoever waits turns the loop, or sleeps while another
  # thread does.
  #
  # All methods may be called from any thread; none of them sends anything.
  class Task
    # @!method value(timeout = nil)
    #   Waits. Blocks of this Task have been called when it returns (but to a block, which may be one of them).
    #   @param timeout [Numeric, nil] seconds; nil waits for ever, 0 does not wait
    #   @return [Object] the result
    #   @raise [TimeoutError] "timeout", when the time passes first; the Task goes on
    #   @raise [Error] a copy of {#error}, each time another one, with the backtrace of this place; or "abandoned"
    #   @raise [Exception] a copy of what a coder's `load` raised, also a NotImplementedError or SystemStackError; that is
    #     its `cause`
    #   @raise [ArgumentError] for a time that is none

    # @!method wait(timeout = nil)
    #   Waits for the end, good or bad, as {#value} does.
    #   @param timeout [Numeric, nil] seconds; nil waits for ever
    #   @return [self, nil] nil when the time passed first
    #   @raise [ArgumentError] for a time that is none

    # @!method state
    #   How far it is: `:waiting` (no byte is written), `:sent`, `:created` (JOB_CREATED was read), `:running` (a worker was
    #   heard about it), `:succeeded`, `:failed`, `:abandoned`.
    #   @return [Symbol]

    # @!method done?
    #   Has it ended, well or not? Its blocks may be still to come.
    #   @return [Boolean]

    # @!method success?
    #   Has it ended well?
    #   @return [Boolean]

    # @!method failed?
    #   Has it ended with an {#error}?
    #   @return [Boolean]

    # @!method result
    #   The value, without waiting.
    #   @return [Object, nil] nil while there is none

    # @!method error
    #   Why it failed, without waiting.
    #   @return [Error, Exception, nil] an {Error}, or what a coder's `load` raised; nil while there is none

    # @!method handle
    #   @return [String, nil] of the job that was submitted, from JOB_CREATED on

    # @!method function
    #   @return [String, nil] of a submission

    # @!method unique
    #   @return [String, nil] the key of a submission, also one that was made

    # @!method client
    #   @return [Client, Worker] where it was asked for

    # @!method server
    #   The server that it is with, or was at its end; before anything was written that may change.
    #   @return [String, nil] see {Connection#servers}; nil for one of several

    # @!method progress
    #   The last WORK_STATUS.
    #   @return [Array(Integer, Integer), nil] numerator and denominator; nil while there was none

    # @!method on_created
    #   Called with the handle, when the server has the job (JOB_CREATED).
    #   @yield [handle]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_complete
    #   Called with the value, when it ends well.
    #   @yield [result]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_fail
    #   Called with the {#error}, when it does not.
    #   @yield [error]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_finish
    #   Called when it ends; one of the two is nil.
    #   @yield [result, error]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_data
    #   Called with each WORK_DATA.
    #   @yield [bytes]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_warning
    #   Called with each WORK_WARNING.
    #   @yield [bytes]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_exception
    #   Called with what WORK_EXCEPTION says, before the Task fails.
    #   @yield [bytes]
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method on_status
    #   Called with each WORK_STATUS.
    #   @yield [numerator, denominator] as Strings
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # @!method abandon
    #   No block is called any more, and {#value} raises Error "abandoned". What is not written yet is taken back: the
    #   server never hears of it. A job that it has goes on. Changes nothing once the Task has ended and its blocks were
    #   called.
    #   @return [self]

    # Waits for several, as {#value} does for one.
    #
    # @param tasks [Enumerable<Task>]
    # @param timeout [Numeric, nil] seconds for all of them
    # @return [Array] their values in order
    # @raise [TimeoutError] when the time passes first; the Tasks go on
    # @raise [Error] of the first that failed, after all have ended
    # @raise [ArgumentError] for what is no Task, and for a time that is none
    def self.all(tasks, timeout = nil)
      tasks = Array(tasks)
      stranger = tasks.find { |task| !task.is_a?(Task) }
      EVGearman._blame("tasks must be Tasks, unlike #{stranger.inspect}") if stranger

      limit = Seconds.check(timeout)
      deadline = limit && (Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit)
      tasks.each do |task|
        left = deadline && [deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC), 0].max
        task.wait(left) || task.send(:_late)
      end
      tasks.map(&:value)
    end

    # @return [String] for people to read
    def inspect = Words.show(self) { [function, handle, state] }
  end
end
