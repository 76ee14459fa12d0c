# frozen_string_literal: true

module EVGearman
  # A job that a worker was given. It belongs to the connection that brought it and has one answer: {#complete},
  # {#fail} or {#exception}; a second one raises {JobFinishedError}. All methods may be called from any thread.
  class Job
    # @!method handle
    #   @return [String] what its server calls it

    # @!method function
    #   @return [String] what is to be done

    # @!method unique
    #   @return [String, nil] its unique key; nil without one, and without `grab_unique:`

    # @!method workload
    #   Also called `data`.
    #   @return [String, Object] its bytes; with a coder what that makes of them, once
    #   @raise what the coder raises, each time

    # @!method server
    #   @return [String] the server that gave it, see {Connection#servers}

    # @!method worker
    #   @return [Worker] that was given it

    # @!method complete(result = "")
    #   Sends WORK_COMPLETE: it is done, and this is its result.
    #   @param result [String, Object] bytes; with a coder anything that it takes
    #   @return [Boolean] false: the job is lost or past its deadline, nothing is sent
    #   @raise [JobFinishedError]
    #   @raise [TypeError] for what is no String, without a coder
    #   @raise [PacketTooLargeError]

    # @!method fail
    #   Sends WORK_FAIL: it could not be done.
    #   @return [Boolean] as of {#complete}
    #   @raise [JobFinishedError]

    # @!method exception(error)
    #   Sends WORK_EXCEPTION, which ends the job (with a WORK_FAIL behind it to Perl's server): at most 64 KiB of the
    #   message.
    #   @param error [String, Exception]
    #   @return [Boolean] as of {#complete}
    #   @raise [JobFinishedError]
    #   @raise [TypeError] for anything else

    # @!method send_data(bytes)
    #   Sends WORK_DATA at once: a part of the result, or whatever its client wants to hear.
    #   @param bytes [String]
    #   @return [Boolean] false: the job is not ours any more, nothing is sent
    #   @raise [JobFinishedError]
    #   @raise [PacketTooLargeError, TypeError]
    #   @raise [BackpressureError] when `max_unsent` bytes wait to be written
    #   @raise [UnsupportedCommandError] by Perl's server, which does not know it

    # @!method warning(bytes)
    #   Sends WORK_WARNING at once.
    #   @param bytes [String]
    #   @return [Boolean] as of {#send_data}
    #   @raise [JobFinishedError]
    #   @raise [PacketTooLargeError, TypeError]
    #   @raise [BackpressureError] when `max_unsent` bytes wait to be written
    #   @raise [UnsupportedCommandError] by Perl's server, which does not know it

    # @!method status(numerator, denominator)
    #   Sends WORK_STATUS at once: how far it is.
    #   @param numerator [Integer] 0 to 2**32 - 1
    #   @param denominator [Integer] 0 to 2**32 - 1
    #   @return [Boolean] as of {#send_data}
    #   @raise [ArgumentError] for numbers out of range
    #   @raise [JobFinishedError]
    #   @raise [BackpressureError] when `max_unsent` bytes wait to be written

    # @!method finished?
    #   Was it answered?
    #   @return [Boolean]

    # @!method lost?
    #   Did its connection end before the answer? The server gives it to somebody else.
    #   @return [Boolean]

    # @!method elapsed
    #   How long ago it was assigned.
    #   @return [Float] seconds

    # @!method stopping?
    #   Was its worker told to stop? Then a long handler may end early.
    #   @return [Boolean]

    # @!method on_lost
    #   The block is called once, on the thread that turns the loop, when the connection ends before the answer; never when
    #   it has ended already.
    #   @yield
    #   @return [self]
    #   @raise [ArgumentError] without a block

    # The same as {#workload}.
    alias data workload

    # @return [String] for people to read; without the workload
    def inspect
      Words.show(self) { [function, handle, ("finished" if finished?), ("lost" if lost?)] }
    end
  end
end
