# frozen_string_literal: true

module EVGearman
  module Protocol
    # Takes jobs over a transport of its user: see {Session}, which says how. Jobs come as events, and are answered when
    # their receiver likes.
    #
    #     socket = TCPSocket.new("127.0.0.1", 4730)
    #     session = EVGearman::Protocol::WorkerSession.new
    #     session.register_function("reverse").work.opened
    #     loop do
    #       socket.write(session.output)
    #       session.feed(socket.readpartial(65_536)) do |event, job|
    #         job.complete(job.workload.reverse) if event == :assigned
    #       end
    #     end
    class WorkerSession < Session
      # @!method cant_do(name)
      #   Takes an ability back (CANT_DO), before whatever is asked next. If jobs of that function are held, it waits for
      #   their end, and no job is asked for before that, nor by {#grab_job}.
      #   @param name [String]
      #   @return [self]
      #   @raise [ArgumentError]

      # @!method reset_abilities
      #   The same for all of them (RESET_ABILITIES).
      #   @return [self]

      # @!method functions
      #   @return [Array<String>] names that are registered

      # @!method work
      #   Asks for jobs from now on, as many as `concurrency:` and `prefetch:` allow: GRAB_JOB_UNIQ or GRAB_JOB, PRE_SLEEP
      #   when there is none.
      #   @return [self]

      # @!method work_one
      #   Asks for exactly one job, sleeping until there is one; `:stopped` is told when that is finished.
      #   @return [self]
      #   @raise [ConcurrencyError] while it works

      # @!method work_stop
      #   Asks for no more jobs. `:stopped` is told when all that are held, or come for what was asked, are finished.
      #   @return [self]

      # @!method working?
      #   @return [Boolean]

      # @!method grab_job
      #   Asks once for a job of any function that was registered.
      #   @yield [job, error]
      #   @return [Session::Request] of a {Job}, which comes as `:assigned`, too; fails with {NoJobError} "no job"
      #   @raise [ConcurrencyError] while it works

      # @!method busy_count
      #   @return [Integer] jobs assigned and not finished

      # Announces a function, by CAN_DO or CAN_DO_TIMEOUT, now and on every connect. Again: replaces.
      #
      # @param name [String]
      # @param timeout [Numeric, nil] seconds from `:assigned` to its answer: after that the job is failed, `:expired` is
      #   told and the answer is dropped
      # @param server_timeout [Numeric, nil] seconds, at least 1: CAN_DO_TIMEOUT. It can hang gearmand before 2.0
      # @return [self]
      # @raise [ArgumentError] also when given a block: jobs come as events
      def register_function(name, timeout: nil, server_timeout: nil)
        EVGearman._blame("jobs come as events, not to a block") if block_given?

        _can_do(name, timeout, server_timeout)
      end
      alias register register_function
      alias can_do register_function
      alias unregister_function cant_do

      # @return [Boolean] is no job held?
      def idle? = busy_count.zero?

      private

      def known_options = super + Worker::WORKER_DEFAULTS.keys

      # A job that was assigned. It belongs to the connection that brought it and has one answer: {#complete}, {#fail} or
      # {#exception}; a second one raises {JobFinishedError}. One that is collected without an answer fails.
      #
      # What is said about it is queued, and leaves with {Session#output}.
      class Job
        # @!method handle
        #   @return [String]

        # @!method function
        #   @return [String]

        # @!method unique
        #   @return [String, nil]

        # @!method workload
        #   @return [String] BINARY

        # @!method complete(result = "")
        #   Sends WORK_COMPLETE.
        #   @param result [String] bytes
        #   @return [Boolean] false: the job is lost or past its timeout, nothing is sent
        #   @raise [JobFinishedError]

        # @!method fail
        #   Sends WORK_FAIL.
        #   @return [Boolean]
        #   @raise [JobFinishedError]

        # @!method exception(error)
        #   Sends WORK_EXCEPTION, which ends the job (with a WORK_FAIL behind it to Perl's server).
        #   @param error [String, Exception] of which at most 64 KiB are sent
        #   @return [Boolean]
        #   @raise [JobFinishedError]

        # @!method send_data(bytes)
        #   Sends WORK_DATA.
        #   @param bytes [String]
        #   @return [Boolean] false: the job is not ours any more
        #   @raise [JobFinishedError]
        #   @raise [UnsupportedCommandError] by Perl's server, which does not know it

        # @!method warning(bytes)
        #   Sends WORK_WARNING.
        #   @param bytes [String]
        #   @return [Boolean]
        #   @raise [JobFinishedError]
        #   @raise [UnsupportedCommandError] by Perl's server, which does not know it

        # @!method status(numerator, denominator)
        #   Sends WORK_STATUS.
        #   @param numerator [Integer] 0 to 2**32 - 1
        #   @param denominator [Integer] 0 to 2**32 - 1
        #   @return [Boolean]
        #   @raise [ArgumentError]
        #   @raise [JobFinishedError]

        # @!method finished?
        #   @return [Boolean] was it answered?

        # @!method lost?
        #   @return [Boolean] did its connection end? The server gives it to somebody else

        # @!method expired?
        #   @return [Boolean] was its time up?

        # The same as {#workload}.
        alias data workload

        # @return [String]
        def inspect
          Words.show(self) { [function, handle, ("finished" if finished?), ("lost" if lost?)] }
        end
      end
    end
  end
end
