# frozen_string_literal: true

module EVGearman
  module Protocol
    # Submits jobs over a transport of its user: see {Session}, which says how, and {Client}, which says what.
    #
    #     session.submit_job("resize", image) { |result, error| error ? warn(error.message) : save(result) }
    class ClientSession < Session
      include Admin::Requests

      # Sends SUBMIT_JOB: a foreground job.
      #
      # @param function [String] 1 to 512 bytes without control bytes but TAB
      # @param workload [String] bytes
      # @param unique [String, nil, :auto] jobs of one function with one key are one job; "-" makes the workload the key
      # @param timeout [Numeric, nil] seconds to the job's end, after which it fails with {JobTimeoutError}
      # @yield [result, error]
      # @return [Session::Request] of the result, BINARY
      # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError] before anything is sent
      def submit_job(function, workload = "", unique: nil, timeout: nil, &block)
        _submit(:submit_job, function, workload, unique, nil, timeout, &block)
      end

      # Sends SUBMIT_JOB_HIGH. Workers get it before those of normal priority.
      #
      # @param (see #submit_job)
      # @yield (see #submit_job)
      # @return (see #submit_job)
      # @raise (see #submit_job)
      # @see #submit_job
      def submit_job_high(function, workload = "", unique: nil, timeout: nil, &block)
        _submit(:submit_job_high, function, workload, unique, nil, timeout, &block)
      end

      # Sends SUBMIT_JOB_LOW. Workers get it after those of normal priority.
      #
      # @param (see #submit_job)
      # @yield (see #submit_job)
      # @return (see #submit_job)
      # @raise (see #submit_job)
      # @see #submit_job
      def submit_job_low(function, workload = "", unique: nil, timeout: nil, &block)
        _submit(:submit_job_low, function, workload, unique, nil, timeout, &block)
      end

      # Sends SUBMIT_JOB_BG: a background job.
      #
      # @param function [String]
      # @param workload [String]
      # @param unique [String, nil, :auto]
      # @yield [handle, error]
      # @return [Session::Request] of the job's handle
      # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError] before anything is sent
      def submit_job_bg(function, workload = "", unique: :auto, &block)
        _submit(:submit_job_bg, function, workload, unique, nil, nil, &block)
      end

      # Sends SUBMIT_JOB_HIGH_BG. Workers get it before those of normal priority.
      #
      # @param (see #submit_job_bg)
      # @yield (see #submit_job_bg)
      # @return (see #submit_job_bg)
      # @raise (see #submit_job_bg)
      # @see #submit_job_bg
      def submit_job_high_bg(function, workload = "", unique: :auto, &block)
        _submit(:submit_job_high_bg, function, workload, unique, nil, nil, &block)
      end

      # Sends SUBMIT_JOB_LOW_BG. Workers get it after those of normal priority.
      #
      # @param (see #submit_job_bg)
      # @yield (see #submit_job_bg)
      # @return (see #submit_job_bg)
      # @raise (see #submit_job_bg)
      # @see #submit_job_bg
      def submit_job_low_bg(function, workload = "", unique: :auto, &block)
        _submit(:submit_job_low_bg, function, workload, unique, nil, nil, &block)
      end

      # Sends SUBMIT_JOB_EPOCH: a background job that is not run before its time, by the server's clock.
      #
      # @param function [String]
      # @param workload [String]
      # @param time [Time, Numeric] Unix seconds, rounded up to whole ones; the past is now
      # @param unique [String, nil, :auto]
      # @yield [handle, error]
      # @return [Session::Request] of the job's handle
      # @raise [ArgumentError, TypeError, PacketTooLargeError, BackpressureError] before anything is sent
      def submit_job_epoch(function, workload, time, unique: :auto, &block)
        _submit(:submit_job_epoch, function, workload, unique, UnixTime.ceil(time), nil, &block)
      end

      # Asks with GET_STATUS.
      #
      # @param handle [String]
      # @yield [status, error]
      # @return [Session::Request] of {JobStatus}
      # @raise [ArgumentError, BackpressureError]
      def get_status(handle, &block) = _get_status(handle, JobStatus.method(:of_handle), &block)

      # Asks with GET_STATUS_UNIQUE.
      #
      # @param key [String] the unique key of a submission
      # @yield [status, error]
      # @return [Session::Request] of {JobStatus}
      # @raise [ArgumentError, BackpressureError]
      def get_status_unique(key, &block) = _get_status_unique(key, JobStatus.method(:of_unique), &block)

      # `drop function`. A session cannot wait: whether jobs are queued (see {#server_status}) is looked at before it is
      # forced.
      #
      # @param name [String]
      # @param force [Boolean] has to be true
      # @yield [true, error]
      # @return [Session::Request] of true; fails with {ServerError} when workers are there
      # @raise [ArgumentError] also when it is not forced
      # @raise [TypeError, BackpressureError]
      def drop_function(name, force: false, &block)
        EVGearman._blame("a session cannot look for jobs first: give force: true") unless force

        super
      end
    end
  end
end
