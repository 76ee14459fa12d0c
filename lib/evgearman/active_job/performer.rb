# frozen_string_literal: true

require "json"

module EVGearman
  module ActiveJob
    # Performs Active Job's jobs: a handler for the functions of queues.
    #
    #     worker.register_function("active_job.default", EVGearman::ActiveJob::Performer.new)
    #
    # What comes is not trusted: its size is checked before it is parsed, its nesting while it is, and what it names must be
    # a class of jobs. Whatever is wrong with it fails that job, and no other.
    #
    # One serves any number of threads.
    class Performer
      # A job that is none: "payload refused", and why.
      class RefusedError < EVGearman::Error; end

      # What a job may raise and only fails by. Else its worker ends, or is interrupted.
      FAILURES = [StandardError, ScriptError, NoMemoryError, SystemStackError].freeze
      private_constant :FAILURES

      # Of a thread, not of a fiber: a job may have fibers of its own.
      CURRENT = :evgearman_active_job
      private_constant :CURRENT

      # @return [Job, nil] that this thread performs
      def self.current = Thread.current.thread_variable_get(CURRENT)

      # @param options [Hash] of {Options}, over those of {ActiveJob.configure}
      # @raise [ArgumentError]
      def initialize(**options)
        ActiveJob.options.with(**options)
        @given = options
      end

      # Performs it.
      #
      # @param job [Job]
      # @return [nil]
      # @raise [StandardError] what it raised, or {RefusedError}: it has failed by then
      def call(job)
        options = ActiveJob.options.with(**@given)
        as_current(job) { perform(read(job, options), job) }
        nil
      rescue *FAILURES => e
        settle(job, e, options.on_unhandled_error)
      end

      private

      # Jobs may be performed inside each other, when they are tested inline.
      def as_current(job)
        before = self.class.current
        Thread.current.thread_variable_set(CURRENT, job)
        yield
      ensure
        Thread.current.thread_variable_set(CURRENT, before)
      end

      def read(job, options)
        bytes = job.workload
        if bytes.bytesize > options.max_payload
          raise RefusedError, "payload refused: #{bytes.bytesize} bytes, max_payload is #{options.max_payload}"
        end

        data = JSON.parse(String.new(bytes, encoding: Encoding::UTF_8), max_nesting: options.max_nesting)
        data.is_a?(Hash) ? data : raise(RefusedError, "payload refused: no Active Job")
      rescue JSON::ParserError => e
        raise RefusedError, "payload refused: #{e.message[0, 200]}"
      end

      def perform(data, job)
        name = data["job_class"]
        klass = name.safe_constantize if name.is_a?(String)
        unless klass.is_a?(Class) && klass < ::ActiveJob::Base
          raise RefusedError, "payload refused: #{name.inspect[0, 200]} is no class of jobs"
        end

        ::ActiveJob::Base.execute(data.merge("provider_job_id" => job.handle))
      end

      def settle(job, error, policy)
        policy.respond_to?(:call) ? policy.call(error, job) : raise(error)
      ensure
        job.fail unless job.finished?
      end
    end
  end
end
