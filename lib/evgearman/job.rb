# frozen_string_literal: true

module EVGearman
  # A job that a worker was given. It belongs to the connection that brought it and has one answer: {#complete},
  # {#fail} or {#exception}; a second one raises {JobFinishedError}. All methods may be called from any thread.
  class Job
    # @!method handle
    #   @return [String]

    # @!method function
    #   @return [String]

    # @!method unique
    #   @return [String, nil]

    # @!method workload
    #   Also called `data`.
    #   @return [String, Object] its bytes; with a coder what that makes of them, once
    #   @raise what the coder raises, each time

    # @!method worker
    #   @return [Worker]

    # @!method complete(result = "")
    #   Sends WORK_COMPLETE.
    #   @param result [String, Object] bytes; with a coder anything that it takes
    #   @return [Boolean] false: the job is lost or past its deadline, nothing is sent
    #   @raise [JobFinishedError]

    # @!method fail
    #   Sends WORK_FAIL.
    #   @return [Boolean]
    #   @raise [JobFinishedError]

    # @!method exception(error)
    #   Sends WORK_EXCEPTION, which ends the job: at most 64 KiB of the message.
    #   @param error [String, Exception]
    #   @return [Boolean]
    #   @raise [JobFinishedError]

    # @!method send_data(bytes)
    #   Sends WORK_DATA at once.
    #   @return [Boolean] false: the job is not ours any more
    #   @raise [UnsupportedCommandError] by Perl's server, which does not know it

    # @!method warning(bytes)
    #   Sends WORK_WARNING at once.
    #   @return [Boolean]
    #   @raise [UnsupportedCommandError] by Perl's server, which does not know it

    # @!method status(numerator, denominator)
    #   Sends WORK_STATUS at once.
    #   @param numerator [Integer] 0 to 2**32 - 1
    #   @param denominator [Integer] 0 to 2**32 - 1
    #   @return [Boolean]
    #   @raise [ArgumentError]

    # @!method finished?
    #   @return [Boolean] was it answered?

    # @!method lost?
    #   @return [Boolean] did its connection end? The server gives it to somebody else

    # @!method elapsed
    #   @return [Float] seconds since it was assigned

    # @!method stopping?
    #   @return [Boolean] is its worker about to stop?

    # @!method on_lost
    #   Called when the connection ends before the answer.
    #   @yield
    #   @return [self]

    alias data workload

    # @return [String]
    def inspect
      "#<#{self.class} #{function} #{handle}#{" finished" if finished?}#{" lost" if lost?}>"
    end
  end
end
