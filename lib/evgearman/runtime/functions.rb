# frozen_string_literal: true

module EVGearman
  class Runtime
    # Which functions a worker does, and by whom.
    #
    # @api private
    class Functions
      # @raise [Failure] when there are none, or one that nobody has registered
      def initialize(settings, registry)
        @settings = settings
        @registry = registry
        raise Failure, nothing if all.empty?
      end

      # @return [Hash{String => Registry::Handler}] the most urgent one first
      def all = @all ||= queues.merge(plain)

      # gearmand drains the one first that was announced last.
      def announce(worker, performance)
        all.reverse_each do |name, handler|
          worker.register_function(name, performance.of(handler.callable), **handler.options)
        end
      end

      private

      def plain
        names = @settings[:functions] or return @registry.handlers
        names.to_h { |name| [name, @registry.handlers.fetch(name) { raise Failure, unknown(name) }] }
      end

      def queues
        names = @settings[:queues] || (active_job? ? ["default"] : [])
        return {} if names.empty?

        require "evgearman/active_job"
        ActiveJob.configure(prefix: @settings[:prefix]) if @settings.said?(:prefix)
        performer = Registry::Handler.new(ActiveJob::Performer.new, { coder: nil })
        names.to_h { |name| [ActiveJob.options.function(name), performer] }
      end

      def active_job? = defined?(::ActiveJob::Base) && ::ActiveJob::Base.queue_adapter_name == "evgearman"

      def unknown(name)
        "nothing is registered for function #{name}#{Settings.nearest(name, @registry.handlers.keys)}"
      end

      def nothing
        "nothing to do: no file (-r) called EVGearman::Runtime.register, and no queue of Active Job (-q) was named"
      end
    end
  end
end
