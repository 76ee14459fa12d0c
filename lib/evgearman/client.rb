# frozen_string_literal: true

module EVGearman
  # Submits jobs. One client serves any number of threads: requests of all of them share its connection, and
  # every answer reaches the one who asked.
  class Client < Connection
    include Admin::Requests
    include Several::Requests

    # Packets by priority.
    FOREGROUND = { normal: :submit_job, high: :submit_job_high, low: :submit_job_low }.freeze
    BACKGROUND = { normal: :submit_job_bg, high: :submit_job_high_bg, low: :submit_job_low_bg }.freeze

    # What a job of {#submit_jobs_bg} may say.
    BULK_OPTIONS = { priority: :normal, unique: :default, at: nil, in: nil, coder: :default }.freeze
    private_constant :FOREGROUND, :BACKGROUND, :BULK_OPTIONS

    # Sends SUBMIT_JOB: a foreground job, whose result comes back.
    #
    # @param function [String] 1 to 512 bytes without control bytes but TAB
    # @param workload [String, Object] bytes; with a coder anything that it takes
    # @param unique [String, nil, :auto] jobs of one function with one key are one job; "-" makes the workload the key
    # @param timeout [Numeric, nil] seconds to the job's end, after which the Task fails with {JobTimeoutError}
    # @param on_data [#call] with each chunk a worker sends
    # @param on_warning [#call] with each warning
    # @param on_exception [#call] with what a worker's exception said, before the Task fails
    # @param on_status [#call] with numerator and denominator, as Strings
    # @param coder [#dump, #load, nil, :default] makes bytes of the workload and a value of the result; nil: both are
    #   bytes. What `dump` raises is raised here; what `load` raises fails the Task
    # @param encoding [Encoding, String, nil, :default] of the result (before `load`) and of what on_data, on_warning
    #   and on_exception are called with; nil: BINARY
    # @yield [result, error]
    # @return [Task] of the result
    # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError, ConnectionError] before anything is sent
    def submit_job(function, workload = "", unique: nil, timeout: nil, on_data: nil, on_warning: nil,
                   on_exception: nil, on_status: nil, coder: :default, encoding: :default, &block)
      listeners = [on_data, on_warning, on_exception, on_status] if on_data || on_warning || on_exception || on_status
      _submit(function, workload, unique, :submit_job, timeout, listeners, coder, encoding, &block)
    end

    # Sends SUBMIT_JOB_HIGH. Workers get it before those of normal priority.
    #
    # @param function [String]
    # @param workload [String, Object]
    # @param options [Hash] of {#submit_job}
    # @yield (see #submit_job)
    # @return (see #submit_job)
    # @raise (see #submit_job)
    # @see #submit_job
    def submit_job_high(function, workload = "", **options, &block)
      foreground(:high, function, workload, **options, &block)
    end

    # Sends SUBMIT_JOB_LOW. Workers get it after those of normal priority.
    #
    # @param function [String]
    # @param workload [String, Object]
    # @param options [Hash] of {#submit_job}
    # @yield (see #submit_job)
    # @return (see #submit_job)
    # @raise (see #submit_job)
    # @see #submit_job
    def submit_job_low(function, workload = "", **options, &block)
      foreground(:low, function, workload, **options, &block)
    end

    # Sends SUBMIT_JOB_BG: a background job. The server keeps it; nothing more is heard of it.
    #
    # @param function [String]
    # @param workload [String]
    # @param unique [String, nil, :auto, :default] `:auto` makes a key, without which a persistent queue keeps one job;
    #   `:default`: as the client was made
    # @param coder [#dump, #load, nil, :default] makes bytes of the workload
    # @yield [handle, error]
    # @return [Task] of the job's handle
    # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError, ConnectionError] before anything is sent
    def submit_job_bg(function, workload = "", unique: :default, coder: :default, &block)
      _submit_bg(function, workload, unique, :submit_job_bg, nil, coder, &block)
    end

    # Sends SUBMIT_JOB_HIGH_BG. Workers get it before those of normal priority.
    #
    # @param (see #submit_job_bg)
    # @yield (see #submit_job_bg)
    # @return (see #submit_job_bg)
    # @raise (see #submit_job_bg)
    # @see #submit_job_bg
    def submit_job_high_bg(function, workload = "", unique: :default, coder: :default, &block)
      _submit_bg(function, workload, unique, :submit_job_high_bg, nil, coder, &block)
    end

    # Sends SUBMIT_JOB_LOW_BG. Workers get it after those of normal priority.
    #
    # @param (see #submit_job_bg)
    # @yield (see #submit_job_bg)
    # @return (see #submit_job_bg)
    # @raise (see #submit_job_bg)
    # @see #submit_job_bg
    def submit_job_low_bg(function, workload = "", unique: :default, coder: :default, &block)
      _submit_bg(function, workload, unique, :submit_job_low_bg, nil, coder, &block)
    end

    # Sends SUBMIT_JOB_EPOCH: a background job that is not run before its time, by the server's clock.
    #
    # @param function [String]
    # @param workload [String]
    # @param time [Time, Numeric] Unix seconds, rounded up to whole ones; the past is now
    # @param unique [String, nil, :auto, :default] as of {#submit_job_bg}
    # @param coder [#dump, #load, nil, :default] makes bytes of the workload
    # @yield [handle, error]
    # @return [Task] of the job's handle
    # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError, ConnectionError] before anything is sent
    def submit_job_epoch(function, workload, time, unique: :default, coder: :default, &block)
      _submit_bg(function, workload, unique, :submit_job_epoch, UnixTime.ceil(time), coder, &block)
    end

    # As of {Admin::Requests#cancel_job}; a Task's job where it is.
    #
    # @param job [String, Task] of several servers a Task, or {Connection#at}
    # @yield [true, error]
    # @return [Task] of true; fails with {JobNotFoundError}
    # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
    def cancel_job(job, &block)
      return with_server_of(job) { |client, handle| client.cancel_job(handle, &block) } if job.is_a?(Task)

      super
    end

    # Asks with GET_STATUS: the server of a Task, or for a handle all of several servers that are not away. One that knows
    # the job is the answer.
    #
    # @param handle [String, Task]
    # @yield [status, error]
    # @return [Task] of {JobStatus}
    # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
    def get_status(handle, &block)
      return with_server_of(handle) { |client, name| client.get_status(name, &block) } if handle.is_a?(Task)

      _get_status(handle, JobStatus.method(:of_handle), &block)
    end

    # Asks with GET_STATUS_UNIQUE, of several servers all that are not away.
    #
    # @param key [String] the unique key of a submission
    # @yield [status, error]
    # @return [Task] of {JobStatus}
    # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
    def get_status_unique(key, &block) = _get_status_unique(key, JobStatus.method(:of_unique), &block)

    # Runs a job and waits for its result: SUBMIT_JOB, SUBMIT_JOB_HIGH or SUBMIT_JOB_LOW.
    #
    # @param function [String]
    # @param workload [String, Object] as of {#submit_job}
    # @param timeout [Numeric, nil] seconds
    # @param priority [Symbol] `:normal`, `:high` or `:low`
    # @param options [Hash] of {#submit_job}
    # @return [String, Object] the result
    # @raise [JobError, TimeoutError, ConnectionError, ServerError]
    def call(function, workload = "", timeout: nil, priority: :normal, **options)
      foreground(priority, function, workload, timeout: timeout, **options).value
    end

    # Queues a background job and waits until the server has it: SUBMIT_JOB_BG, SUBMIT_JOB_HIGH_BG, SUBMIT_JOB_LOW_BG, or
    # SUBMIT_JOB_EPOCH for a delayed one.
    #
    # @param function [String]
    # @param workload [String, Object] as of {#submit_job}
    # @param unique [String, nil, :auto, :default] as of {#submit_job_bg}
    # @param priority [Symbol] `:normal`, `:high` or `:low`
    # @param at [Time, Numeric, nil] not before this time, see {#submit_job_epoch}
    # @param in [Numeric, nil] not before so many seconds from now
    # @param timeout [Numeric, nil] seconds to wait, nil and 0 for no limit; the job is submitted all the same
    # @param coder [#dump, #load, nil, :default] makes bytes of the workload
    # @return [String] the job's handle
    # @raise [ArgumentError] at: and in:, or one of them with a priority: delayed jobs have none
    # @raise [TimeoutError, ConnectionError, ServerError]
    def enqueue(function, workload = "", priority: :normal, unique: :default, at: nil, in: nil, timeout: nil,
                coder: :default)
      time = delayed_until(priority, at, binding.local_variable_get(:in))
      command = time ? :submit_job_epoch : packet(BACKGROUND, priority)
      limit = Seconds.limit(timeout, "timeout")
      _submit_bg(function, workload, unique, command, time, coder).value(limit)
    end

    # Queues many background jobs: they are encoded in one go, and nothing is waited for in between. Much faster than as
    # many calls of {#submit_job_bg}.
    #
    #     client.submit_jobs_bg([["mail", letter], ["mail", other, { priority: :high }]]).value   # => ["H:…", "H:…"]
    #
    # When there is no more room ({BackpressureError}) the jobs up to there are queued, and that is the Error of the others.
    #
    # @param jobs [Enumerable<Array(String, String, Hash)>] function, workload, and options as of {#enqueue}: priority,
    #   unique, at, in, coder. Options may be left out, and so may the workload
    # @param coder [#dump, #load, nil, :default] for jobs that have none of their own
    # @yield [results, error]
    # @return [Task] of an Array: for each job its handle, or the {Error} that it met, in order
    # @raise [ArgumentError, TypeError, PacketTooLargeError, ConnectionError] when one of them is bad: none is sent then
    def submit_jobs_bg(jobs, coder: :default, &block)
      EVGearman._blame("jobs must answer each, unlike #{jobs.inspect}") unless jobs.respond_to?(:map)

      jobs = jobs.map { |job| job.is_a?(Array) && job.size > 2 ? spell_out(job) : job }
      _submit_all(jobs.to_a, coder, &block)
    end

    # Runs one job for each workload, so many at a time: SUBMIT_JOB, SUBMIT_JOB_HIGH or SUBMIT_JOB_LOW for each. When one
    # has ended, whichever it is, the next is submitted; not before less than {#max_unsent} is to be written.
    #
    # @param function [String]
    # @param workloads [Enumerable<String, Object>] as of {#submit_job}; taken one by one, when there is room. What `each`
    #   raises is raised when those that were submitted have ended; so is an interrupt that hits it there, if that is a
    #   StandardError. Any other interrupt ends it at once, and abandons what is under way
    # @param concurrency [Integer] jobs under way
    # @param priority [Symbol] `:normal`, `:high` or `:low`
    # @param options [Hash] of {#submit_job}
    # @return [Array] results in order
    # @raise [ArgumentError, TypeError] at once, for a wrong argument
    # @raise [Error] the first that failed, after all have ended
    def map(function, workloads, concurrency: 32, priority: :normal, **options)
      unless concurrency.is_a?(Integer) && concurrency.positive?
        EVGearman._blame("concurrency must be a whole number above 0")
      end

      EVGearman._blame("workloads must answer each, not #{workloads.inspect}") unless workloads.respond_to?(:each)

      Mapping.new(Window.new(self, concurrency), submission(priority, function, **options)).run(workloads)
    end

    private

    # What submits a workload: answers its Task, or the error. Nothing between is Ruby code that could be interrupted, but
    # a coder's.
    def submission(priority, function, unique: nil, timeout: nil, on_data: nil, on_warning: nil, on_exception: nil,
                   on_status: nil, coder: :default, encoding: :default)
      command = packet(FOREGROUND, priority)
      listeners = [on_data, on_warning, on_exception, on_status] if on_data || on_warning || on_exception || on_status
      _check_submit(function, unique, timeout, listeners, coder, encoding)
      lambda do |workload|
        _submit(function, workload, unique, command, timeout, listeners, coder, encoding)
      rescue StandardError => e
        e
      end
    end

    def foreground(priority, function, workload, unique: nil, timeout: nil, on_data: nil, on_warning: nil,
                   on_exception: nil, on_status: nil, coder: :default, encoding: :default, &block)
      listeners = [on_data, on_warning, on_exception, on_status] if on_data || on_warning || on_exception || on_status
      _submit(function, workload, unique, packet(FOREGROUND, priority), timeout, listeners, coder, encoding, &block)
    end

    # A job of a batch, as the arguments of `_submit_bg`.
    def spell_out(job)
      unless job.size == 3 && job[2].is_a?(Hash)
        EVGearman._blame("a job is an Array of function, workload and a Hash of options")
      end

      given = BULK_OPTIONS.merge(job[2])
      check_spelling(given)
      priority, time = given[:priority], delayed_until(given[:priority], given[:at], given[:in])
      [job[0], job[1], given[:unique], time ? :submit_job_epoch : packet(BACKGROUND, priority), time, given[:coder]]
    end

    def check_spelling(given)
      return if given.size == BULK_OPTIONS.size

      EVGearman._blame("unknown option: #{(given.keys - BULK_OPTIONS.keys).join(", ")}")
    end

    def packet(packets, priority)
      packets[priority] or EVGearman._blame("priority must be :normal, :high or :low, not #{priority.inspect}")
    end

    # Unix seconds, or nil for a job that is not delayed.
    def delayed_until(priority, at, delay)
      return unless at || delay

      EVGearman._blame("give either at: or in:") if at && delay
      EVGearman._blame("a delayed job has no priority") unless priority == :normal

      UnixTime.ceil(at || (Process.clock_gettime(Process::CLOCK_REALTIME) + Seconds.check(delay, "in")))
    end
  end
end
