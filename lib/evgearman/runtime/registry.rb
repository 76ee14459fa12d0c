# frozen_string_literal: true

module EVGearman
  class Runtime
    # What an application has said: who does which function, what is done at which event, who is told of errors.
    #
    # @api private
    class Registry
      # A handler, and its options of {Worker#register_function}.
      Handler = Struct.new(:callable, :options)

      attr_reader :handlers, :error_handlers, :middleware
      attr_accessor :log

      def initialize
        @handlers = {}
        @hooks = Hash.new { |hooks, event| hooks[event] = [] }
        @error_handlers = []
        @middleware = Middleware.new
      end

      def register(name, callable, options)
        @handlers[String.try_convert(name) || name.to_s] = Handler.new(callable, options)
      end

      def hook(event, block) = @hooks[event] << block

      # Calls what was hooked to it.
      def announce(event)
        @hooks[event].each do |block|
          block.call
        rescue StandardError => e
          report(e, where: event.to_s)
        end
      end

      # Tells of an error, once.
      def report(error, **context)
        log.error("#{error.class}: #{error.message}", **context, at: error.backtrace&.first)
        error_handlers.each do |handler|
          handler.call(error, context)
        rescue StandardError => e
          log.error("an error handler raised #{e.class}: #{e.message}", at: e.backtrace&.first)
        end
      end
    end
  end
end
