# frozen_string_literal: true

module EVGearman
  # Submits jobs. One client serves any number of threads: requests of all of them share its connection, and
  # every answer reaches the one who asked.
  class Client < Connection
    SUBMIT_JOB = 7
    SUBMIT_JOB_BG = 18
    private_constant :SUBMIT_JOB, :SUBMIT_JOB_BG

    # Sends SUBMIT_JOB: a foreground job, whose result comes back.
    #
    # @param function [String] 1 to 512 bytes without control bytes
    # @param workload [String] bytes
    # @param unique [String, nil, :auto] jobs of one function with one key are one job; "-" makes the workload the key
    # @param timeout [Numeric, nil] seconds to the job's end, after which the Task fails with {JobTimeoutError}
    # @param on_data [#call] with each chunk a worker sends
    # @param on_warning [#call] with each warning
    # @param on_exception [#call] with what a worker's exception said, before the Task fails
    # @param on_status [#call] with numerator and denominator, as Strings
    # @yield [result, error]
    # @return [Task] of the result, BINARY
    # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError, ConnectionError] before anything is sent
    def submit_job(function, workload = "", unique: nil, timeout: nil, on_data: nil, on_warning: nil,
                   on_exception: nil, on_status: nil, &block)
      listeners = [on_data, on_warning, on_exception, on_status] if on_data || on_warning || on_exception || on_status
      _submit(function, workload, unique, SUBMIT_JOB, nil, timeout, listeners, &block)
    end

    # Sends SUBMIT_JOB_BG: a background job. The server keeps it; nothing more is heard of it.
    #
    # @param function [String]
    # @param workload [String]
    # @param unique [String, nil, :auto] `:auto` makes a key, without which a persistent queue keeps one job
    # @yield [handle, error]
    # @return [Task] of the job's handle
    # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError, ConnectionError] before anything is sent
    def submit_job_bg(function, workload = "", unique: :auto, &block)
      _submit(function, workload, unique, SUBMIT_JOB_BG, nil, nil, nil, &block)
    end

    # Runs a job and waits for its result.
    #
    # @param timeout [Numeric, nil] seconds
    # @param options [Hash] of {#submit_job}
    # @return [String] the result, BINARY
    # @raise [JobError, TimeoutError, ConnectionError, ServerError]
    def call(function, workload = "", timeout: nil, **options)
      submit_job(function, workload, timeout: timeout, **options).value
    end

    # Queues a background job and waits until the server has it.
    #
    # @param timeout [Numeric, nil] seconds to wait
    # @return [String] the job's handle
    # @raise [TimeoutError, ConnectionError, ServerError]
    def enqueue(function, workload = "", unique: :auto, timeout: nil)
      submit_job_bg(function, workload, unique: unique).value(timeout)
    end
  end
end
