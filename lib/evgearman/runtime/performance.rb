# frozen_string_literal: true

module EVGearman
  class Runtime
    # How a job is done in a process: with middleware around it, written down, counted and logged.
    #
    # @api private
    class Performance
      # @param deadly [Set<String>] keys of jobs that are not to be run
      def initialize(registry, log, ledger: nil, deadly: Set.new)
        @registry = registry
        @log = log
        @ledger = ledger
        @deadly = deadly
        @tally = Tally.new
        @told = ObjectSpace::WeakMap.new
      end

      attr_reader :tally, :deadly

      # @return [#call] that does a job by `callable`
      def of(callable) = ->(job) { perform(job, callable) }

      # An error of a job that is not told of already: of one past its deadline, or of what is no handler.
      def callback_error(error, where)
        @registry.report(error, where: where) unless @told.key?(error)
      end

      private

      def perform(job, callable)
        slot = @ledger&.add(job)
        @log.debug("start", **about(job)) if @log.debug?
        result = run(job, callable)
        finish(job, true)
        result
      rescue Exception => e # rubocop:disable Lint/RescueException -- it is told, and raised again
        failed(job, e)
        raise
      ensure
        @ledger&.remove(slot)
      end

      def run(job, callable)
        refuse(job) if !@deadly.empty? && @deadly.include?(job.unique || job.handle)
        @registry.middleware.call(job) { callable.call(job) }
      end

      def refuse(job)
        raise DeadlyJobError, "too many processes died with job #{job.function} #{job.handle}: it is not run any more"
      end

      def failed(job, error)
        finish(job, false)
        @told[error] = true
        @registry.report(error, **about(job), elapsed: job.elapsed)
      end

      def finish(job, done)
        elapsed = job.elapsed
        @tally.add(job.function, done, elapsed)
        @log.info("done", **about(job), elapsed: elapsed) if done && @log.info?
      end

      def about(job) = { function: job.function, handle: job.handle, unique: job.unique }
    end
  end
end
