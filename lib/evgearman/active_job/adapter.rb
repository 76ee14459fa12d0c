# frozen_string_literal: true

require "json"
require "securerandom"

module EVGearman
  module ActiveJob
    # Queues Active Job's jobs: it is `ActiveJob::QueueAdapters::EvgearmanAdapter`. A queue is a function, whose name is the
    # queue's behind a prefix; a job is its own JSON; its `provider_job_id` is the handle.
    #
    # The unique key of each submission is another one, also of the same job: Gearman runs one job for each key, and a job
    # that is retried while it runs would be none.
    #
    # Any thread may use it, before and after a fork.
    module Adapter
      # @param options [Hash] of {Options}, over those of {ActiveJob.configure}
      # @raise [ArgumentError]
      def initialize(**options)
        super()
        ActiveJob.options.with(**options)
        @given = options
      end

      # Queues it: SUBMIT_JOB_BG, SUBMIT_JOB_HIGH_BG or SUBMIT_JOB_LOW_BG. Waits until the server has it.
      #
      # @param job [ActiveJob::Base]
      # @return [String] the handle
      # @raise [EVGearman::Error, ActiveJob::EnqueueError] as `raise_enqueue_error` has it
      # @raise [JSON::GeneratorError] for what is no JSON: bytes that are no UTF-8, a Float that is no number
      # @raise [JSON::NestingError] for what is nested deeper than `max_nesting`
      def enqueue(job) = submit(job, priority: options.priority(job.priority))

      # Queues it for a time: SUBMIT_JOB_EPOCH. Waits until the server has it.
      #
      # @param job [ActiveJob::Base]
      # @param timestamp [Float] Unix seconds, rounded up to whole ones; the past is now
      # @return [String] the handle
      # @raise (see #enqueue)
      def enqueue_at(job, timestamp) = submit(job, at: timestamp.clamp(0..))

      # Queues many in one go, and waits for what the server says of all of them. Each is told its outcome:
      # `successfully_enqueued?`, `provider_job_id`, `enqueue_error`.
      #
      # @param jobs [Array<ActiveJob::Base>]
      # @return [Integer] how many were queued
      # @raise (see #enqueue) when none was
      def enqueue_all(jobs)
        options = self.options
        outcomes = outcomes(jobs.map { |job| submission(job, options) }, options)
        jobs.zip(outcomes) { |job, outcome| tell(job, outcome) }
        queued = jobs.count(&:successfully_enqueued?)
        queued.zero? && jobs.any? ? refuse(outcomes.first, options) : queued
      end

      # Should a job that is queued in a transaction wait for its end? Asked by Rails 7.2.
      #
      # @return [true]
      def enqueue_after_transaction_commit? = true

      # Was the worker of the job that runs on this thread told to stop? Asked by Active Job's continuations.
      #
      # @param _job [ActiveJob::Base, nil]
      # @return [Boolean]
      def stopping?(_job = nil) = Performer.current&.stopping? || false

      private

      def options = ActiveJob.options.with(**@given)
      def client(options) = Clients.for(options.connection)

      def submit(job, **how)
        options = self.options
        payload = payload(job, options)
        client = client(options)
        job.provider_job_id = client.enqueue(options.function(job.queue_name), payload, unique: key(job), coder: nil, **how)
      rescue Error => e
        refuse(e, options)
      end

      # As of {Client#submit_jobs_bg}, or why it cannot be sent.
      def submission(job, options)
        time = job.scheduled_at&.to_f&.clamp(0..)
        how = time ? { at: time } : { priority: options.priority(job.priority) }
        [options.function(job.queue_name), payload(job, options), { unique: key(job), **how }]
      rescue PacketTooLargeError => e
        e
      end

      # Of each a handle or an Error.
      def outcomes(submissions, options)
        sent = submissions.grep(Array)
        said = sent.empty? ? [] : client(options).submit_jobs_bg(sent, coder: nil).value
        submissions.map { |submission| submission.is_a?(Array) ? said.shift : submission }
      rescue Error => e # of the client: it said so of all of them
        submissions.map { e }
      end

      def payload(job, options)
        JSON.generate(job.serialize, max_nesting: options.max_nesting).tap do |json|
          next if json.bytesize <= options.max_payload

          said = "#{json.bytesize} bytes, max_payload is #{options.max_payload}"
          raise PacketTooLargeError, "payload too large: #{said}, of #{job.class}"
        end
      end

      # At most 63 bytes, also of those who make their job ids themselves.
      def key(job) = "#{job.job_id.to_s.b[0, 46]}:#{SecureRandom.hex(8)}"

      def tell(job, outcome)
        error = outcome if outcome.is_a?(Error)
        job.successfully_enqueued = error.nil?
        job.enqueue_error = error
        job.provider_job_id = outcome unless error
      end

      # Rescued by `perform_later`, if it is of that class.
      def refuse(error, options)
        raise error if options.raise_enqueue_error || !defined?(::ActiveJob::EnqueueError)

        raise ::ActiveJob::EnqueueError, error.message, cause: error
      end
    end
  end
end
