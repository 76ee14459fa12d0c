# frozen_string_literal: true

module EVGearman
  # Has handlers of workers run as the code of a Rails application does: in development what was changed is loaded again
  # before, and connections of the database are given back behind.
  #
  # @api private
  module Reloading
    # Around a handler.
    Handler = Struct.new(:callable) do
      def call(job)
        reloader = ::Rails.application&.reloader
        return callable.call(job) unless reloader

        source = { source: "job.evgearman" } unless reloader.method(:wrap).parameters.empty? # which came with Rails 7.1
        reloader.wrap(**source.to_h) { callable.call(job) }
      end
    end

    private

    def _register(name, callable, *rest) = super(name, callable && Handler.new(callable), *rest)

    Worker.prepend(self)
  end
end
