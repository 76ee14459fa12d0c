# frozen_string_literal: true

require "active_support"
require "active_support/log_subscriber"

module EVGearman
  # The events of {Instrumentation} as lines of the log.
  #
  # @api private
  class LogSubscriber < ActiveSupport::LogSubscriber
    def submit(event)
      what = event.payload
      jobs = what[:jobs] == 1 ? [what[:function], what[:handle]].compact.join(" ") : "#{what[:jobs]} jobs"
      return debug { line(event, "submitted #{jobs}") } unless what[:error]

      failed = what[:jobs] == 1 ? jobs : "#{what[:failed]} of #{jobs}"
      error { line(event, "could not submit #{failed}: #{Words.one_line(what[:error].message)}") }
    end

    def perform(event)
      job = event.payload.values_at(:function, :handle).join(" ")
      failure = event.payload[:exception] or return debug { line(event, "performed #{job}") }
      error { line(event, "#{job} raised #{failure.first}: #{Words.one_line(failure.last)}") }
    end

    def connect(event) = info { "Gearman connected to #{event.payload[:server]}" }
    def disconnect(event) = info { "Gearman disconnected from #{event.payload[:server]}" }

    private

    def line(event, text) = "Gearman #{text} (#{event.duration.round(1)}ms)"
  end
end
