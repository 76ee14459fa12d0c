# frozen_string_literal: true

module Gearman
  class Worker
    # A function that a worker does.
    #
    # @api private
    class Ability
      attr_reader :func_name, :timeout
      # Is called with the result and the workload when a job ended well.
      attr_accessor :after

      def initialize(func_name, timeout, block)
        @func_name = func_name
        @timeout = timeout
        @block = block
      end

      # Does a job, and answers the server.
      #
      # @param job [EVGearman::Job]
      # @return [Boolean] did it end well?
      def run(job)
        result = @block.call(job.workload, Job.new(job))
        return job.fail && false unless result

        job.complete(result.to_s)
        after&.call(result, job.workload)
        true
      end
    end
  end
end
