# frozen_string_literal: true

module EVGearman
  # Runs jobs.
  #
  #     worker = EVGearman::Worker.new
  #     worker.register_function("reverse") { |job| job.workload.reverse }
  #     worker.run
  class Worker < Connection
    # @!method cant_do(name)
    #   Takes an ability back (CANT_DO), before whatever is asked next. If jobs of that function are held, it waits for their
    #   end, and no job is asked for before that, nor by {#grab_job}.
    #   @param name [String]
    #   @return [self]
    #   @raise [ArgumentError, TypeError, ConnectionError]

    # @!method reset_abilities
    #   The same for all of them (RESET_ABILITIES).
    #   @return [self]
    #   @raise [ConnectionError]

    # @!method functions
    #   @return [Array<String>] names that are registered

    # @!method work_stop
    #   Asks for no more jobs; what is held, or comes for what was asked, is still run.
    #   @return [self]

    # @!method working?
    #   Does it ask for jobs?
    #   @return [Boolean]

    # @!method busy_count
    #   Jobs that were assigned and are not finished; lost ones and those past their deadline do not count.
    #   @return [Integer]

    # @!method idle?
    #   Is none of them left?
    #   @return [Boolean]

    # @!method in_flight
    #   Jobs that are held: running, waiting for a thread, or asynchronous and not finished.
    #   @return [Array<Job>]

    # What a worker knows beside {Connection::DEFAULTS}.
    WORKER_DEFAULTS = { concurrency: 1, grab_unique: true, prefetch: 0, poll_interval: 1.0 }.freeze

    # With `concurrency: 1` a synchronous handler runs on the loop's thread. Above 1 they run on so many threads of the
    # worker's own, and the loop stays free: progress, heartbeats and deadlines live while they run. nil is as many jobs
    # as there are, which is only for asynchronous handlers: synchronous ones run one by one then.
    #
    # Beside these it takes what {Connection#initialize} takes.
    #
    # @param shutdown_timeout [Numeric, nil] seconds that {#run} waits for running jobs after {#stop}; nil is no limit
    # @param options [Hash]
    # @option options [Integer, nil] :concurrency (1) jobs that may be under way
    # @option options [Integer, :auto] :prefetch (0) how many more may be held; `:auto`: as many as are done in about 2 ms
    # @option options [Numeric, nil] :poll_interval (1.0) seconds after which a sleeping worker asks again, so that
    #   delayed jobs run
    # @option options [Boolean] :grab_unique (true) do jobs know their unique key?
    # @raise [ArgumentError] for an unknown option, one out of range, or an address that cannot be read
    # @raise [ConnectionError] when the loop is closed
    def initialize(shutdown_timeout: 25, **options)
      super(**options)
      _share_slots
      @shutdown_timeout = Seconds.check(shutdown_timeout, "shutdown_timeout")
      _set_hook(:on_stopped, method(:drained))
      _set_pool(@pool = Pool.for(self, concurrency)) if concurrency.to_i > 1
    end

    # Jobs that may be under way.
    #
    # @return [Integer, nil] nil: any number
    def concurrency = _option(:concurrency)

    # How many more may be held.
    #
    # @return [Integer, Symbol] `:auto`: as many as are done in about 2 ms
    def prefetch = _option(:prefetch)

    # When a sleeping worker asks again.
    #
    # @return [Float, nil] seconds; nil: never
    def poll_interval = _option(:poll_interval)

    # Do jobs know their unique key (GRAB_JOB_UNIQ)?
    #
    # @return [Boolean]
    def grab_unique = _option(:grab_unique)

    # A Client on the same connection, for jobs that submit jobs. Closing either closes both.
    #
    # @return [Client]
    def client = @client ||= _new_client

    # As {Connection#close}. Threads of handlers that still run end with these, and so does {#run}.
    #
    # @param timeout [Numeric, nil] seconds to write what is owed
    # @return [nil]
    def close(timeout = 1)
      super
      @pool&.close
      stop_running if @running
      nil
    end

    # Registers a handler, announced by CAN_DO now and on every connect. Again: replaces.
    #
    # Its value completes the job: a String, or nil for ""; with a coder anything. An exception fails it, whatever it is, and
    # goes to {Connection#on_callback_error}; only SystemExit, SignalException, `throw` and Thread#kill hand all jobs back,
    # by closing the connection. With `async:` the value says nothing, and the job is finished later, by {Job#complete} and
    # the like.
    #
    # @param name [String]
    # @param callable [#call] instead of the block
    # @param timeout [Numeric, nil] seconds a handler may take: after that the job fails by the exception "timed out after …
    #   s", a {JobTimeoutError} goes to {Connection#on_callback_error}, and its result is dropped. Its thread is busy until
    #   it returns: no job is asked for in its place
    # @param server_timeout [Numeric, nil] seconds, at least 1: CAN_DO_TIMEOUT. It can hang gearmand before 2.0
    # @param async [Boolean]
    # @param coder [#dump, #load, nil, :default] makes a value of the workload, when {Job#workload} is first asked for,
    #   and bytes of the result, which may then be anything. What it raises in the handler fails the job
    # @param encoding [Encoding, String, nil, :default] of the workload (before `load`); nil: BINARY
    # @yield [job] on the loop's thread, or on one of the worker's own: see {#initialize}
    # @return [self]
    # @raise [ArgumentError] without a handler or with two; for a name or a time that cannot be
    # @raise [TypeError, ConnectionError]
    def register_function(name, callable = nil, timeout: nil, server_timeout: nil, async: false, coder: :default,
                          encoding: :default, &block)
      EVGearman._blame("give a block or a callable, not both") if callable && block

      callable ||= block
      EVGearman._blame("a handler must be a block or answer `call`") unless callable.respond_to?(:call)

      _register(name, callable, timeout, server_timeout, async, coder, encoding)
    end
    alias register register_function

    # The same as {#cant_do}.
    #
    # @see #cant_do
    def unregister_function(name) = cant_do(name)

    # Announces an ability without a handler (CAN_DO, CAN_DO_TIMEOUT), for {#grab_job}. A handler of that name goes.
    #
    # @param name [String]
    # @param server_timeout [Numeric, nil] see {#register_function}
    # @return [self]
    # @raise [ArgumentError, TypeError, ConnectionError]
    def can_do(name, server_timeout: nil) = _register(name, nil, nil, server_timeout, false, nil, nil)

    # Sends nothing: no known server implements ALL_YOURS, and gearmand answers it with an error.
    #
    # @return [self]
    def all_yours
      EVGearman._report(:warn, "evgearman: all_yours sends nothing: no known server implements it") unless @all_yours
      @all_yours = true
      self
    end

    # Asks for jobs from now on (GRAB_JOB_UNIQ or GRAB_JOB; PRE_SLEEP when there is none), before or after {#connect} and
    # {#register_function}. They are run while the loop is.
    #
    # @yield when a NO_JOB sends it to sleep after a start, a job or a NOOP
    # @return [self]
    # @raise [ConnectionError]
    def work(&on_idle)
      _set_hook(:on_idle, on_idle)
      _work
    end

    # Asks for exactly one job, sleeping until there is one, and then for no more. It is over when the packet of its
    # synchronous handler is queued, or its asynchronous handler was called.
    #
    # @yield when a NO_JOB sends it to sleep; replaces the block of {#work}
    # @return [self]
    # @raise [ConcurrencyError] while it works
    # @raise [ConnectionError]
    def work_one(&on_idle)
      _work_one
      _set_hook(:on_idle, on_idle)
    end

    # @!method grab_job
    #   Asks once, with GRAB_JOB_UNIQ or GRAB_JOB, for a job of any function that was announced. Whoever gets it finishes it.
    #   @yield [job, error]
    #   @return [Task] of a {Job}; fails with {NoJobError} "no job"
    #   @raise [ConcurrencyError] while it works

    # Works until {#stop} or a signal, then finishes what is held and writes the answers, for up to shutdown_timeout
    # seconds, and closes, so that the server gives the rest to somebody else.
    #
    # A signal stops every `run` of the process that listens; a second one hands back at once what they hold, and a third
    # raises Interrupt in handlers that run where the loop does. A trap that was there before is called too, unless it
    # was the default. Traps are restored when the last `run` ends.
    #
    # While a handler keeps its thread for longer than 100 ms, a second one turns the loop: heartbeats, `timeout:` and
    # shutdown_timeout are kept, and blocks are called on that one.
    #
    # Whatever else ends it (an exception out of a block, Thread#kill) closes it too.
    #
    # @param signals [Boolean] do TERM and INT stop it?
    # @return [Hash] `finished:` number of jobs, `handed_back:` handles of those that were not
    # @raise [ConnectionError] "closed"
    # @raise [ReconnectExhaustedError, Error] when it has no connection and makes none any more: the last error, where
    #   reconnecting is off
    def run(signals: true)
      before = _jobs_finished
      work(&_hook(:on_idle))
      left = signals ? Signals.while_listening(self) { run_and_drain } : run_and_drain
      { finished: _jobs_finished - before, handed_back: left.select(&:lost?).map(&:handle) }
    ensure
      @running = false
      @limit&.cancel
      close(0) unless closed?
    end

    # Ends {#run}, also one that has not begun. From any thread, block or trap handler. Said again it may hasten the end,
    # not put it off.
    #
    # @param timeout [Numeric, nil] seconds for the jobs that are held; nil is no limit
    # @return [self]
    # @raise [ArgumentError] for a time that is none
    def stop(timeout = @shutdown_timeout)
      @stop_at = [@stop_at, self.loop.now + (Seconds.check(timeout) || Float::INFINITY)].compact.min
      work_stop
      limit_drain if @running
      stop_running
      self
    end

    private

    def known_options = super + WORKER_DEFAULTS.keys

    # Answers the jobs that were still held at its end.
    def run_and_drain
      @running = true
      @pool ? drain_when_stopped : Deputy.during(self.loop, method(:left_by)) { drain_when_stopped }
      raise @exception if @exception

      @left || in_flight.tap { close(connected? ? time_left : 0) }
    end

    def drain_when_stopped
      stopped = _turn until stopped || @stop_at || over?
      @exception ||= _hopeless
      @stop_at ? work_stop : stop
      limit_drain
      _turn until _drained? || over?
    end

    # There is nothing more to be done, or to be waited for.
    def over? = closed? || @exception || _hopeless

    # Seconds that are left; nil: any number.
    def time_left
      (@stop_at - self.loop.now).clamp(0..) if @stop_at.finite?
    end

    # By a timer, because the thread that is in `run` may be inside a handler.
    def limit_drain
      @limit&.cancel
      left = time_left
      @limit = self.loop.after(left) { hand_back } if left && !closed?
    end

    def hand_back
      return unless @running

      @left = in_flight
      close(0)
    end

    # By the deputy: a block on its thread raised.
    def left_by(exception)
      @exception = exception
      stop_running
    end

    # The last job was finished: what waits for that may go on.
    def drained
      stop_running if @running && @stop_at
    end

    # Others on the same loop go on.
    def stop_running = @running ? _rouse : self.loop.stop

    # A TERM or INT came. Answers the threads that are to be interrupted.
    def signalled
      @signals = (@signals || 0) + 1
      stop if @signals == 1
      stop(0) if @signals == 2
      @signals > 2 ? _handler_threads : []
    end
  end
end
