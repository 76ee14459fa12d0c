# frozen_string_literal: true

module EVGearman
  module ActiveJob
    # One client for all adapters that are told the same: Active Job makes one adapter for each class of jobs that names it.
    #
    # @api private
    module Clients
      @lock = Thread::Mutex.new
      @made = {}

      # @param options [Hash] of {Client#initialize}
      # @return [Client]
      def self.for(options)
        return EVGearman.client if options.empty?

        @lock.synchronize do
          made = @made[options]
          made && !made.closed? ? made : @made[options] = Client.new(**options)
        end
      end
    end
  end
end
