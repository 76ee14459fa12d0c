# frozen_string_literal: true

module Gearman
  class Worker
    # What a handler may tell while it runs. All of it leaves at once.
    class Job
      # @return [String] its name at the server
      attr_reader :handle

      # @param job [EVGearman::Job]
      # @api private
      def initialize(job)
        @job = job
        @handle = job.handle
      end

      # @param numerator [#to_i]
      # @param denominator [#to_i]
      # @return [self]
      def report_status(numerator, denominator)
        @job.status(numerator.to_i, denominator.to_i)
        self
      end

      # @param data [#to_s] a part of the result
      # @return [self]
      def send_data(data)
        @job.send_data(data.to_s)
        self
      end

      # @param warning [#to_s]
      # @return [self]
      def report_warning(warning)
        @job.warning(warning.to_s)
        self
      end
    end
  end
end
