# frozen_string_literal: true

require_relative "options"
require_relative "clients"
require_relative "adapter"
require_relative "performer"

module EVGearman
  # Active Job on Gearman: `require "evgearman/active_job"`. In a Rails application that is done for you.
  #
  #     config.active_job.queue_adapter = :evgearman
  #
  # {Adapter} queues jobs, {Performer} performs them.
  module ActiveJob
    @options = Options.new

    class << self
      # What adapters and performers have that are told nothing else.
      #
      # @return [Options]
      attr_reader :options

      # Changes {options}, for those too that were made before.
      #
      #     EVGearman::ActiveJob.configure(servers: "jobs.example", prefix: "shop.")
      #
      # @param said [Hash] of {Options}; what is not said stays as it is
      # @return [Options]
      # @raise [ArgumentError]
      def configure(**said) = @options = @options.with(**said)

      # The functions of queues, in the order in which a worker is to register them: gearmand gives a worker the jobs of that
      # function first which it registered last.
      #
      # @param queues [Array<String, Symbol>, String, Symbol] the most urgent one first
      # @return [Array<String>]
      def functions(queues) = Array(queues).map { |queue| options.function(queue) }.reverse

      # Has a worker perform the jobs of queues.
      #
      #     EVGearman::ActiveJob.register(worker, queues: %w[critical default])
      #
      # @param worker [Worker]
      # @param queues [Array<String, Symbol>, String, Symbol] the most urgent one first
      # @param performer [#call]
      # @param options [Hash] of {Worker#register_function}
      # @return [Worker]
      # @raise [ArgumentError, ConnectionError]
      def register(worker, queues: "default", performer: Performer.new, **options)
        functions(queues).each { |function| worker.register_function(function, performer, coder: nil, **options) }
        worker
      end
    end
  end
end
