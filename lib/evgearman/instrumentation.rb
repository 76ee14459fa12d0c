# frozen_string_literal: true

require "active_support"
require "active_support/notifications"
require_relative "library"

module EVGearman
  # Tells ActiveSupport::Notifications what clients and workers do. It is loaded with ActiveSupport, and nothing of it is
  # there else; while nobody subscribed to an event it costs one question.
  #
  # - `submit.evgearman`: a submission, from when it was made until its outcome was heard of. Payload: `client:`,
  #   `function:` (nil of a batch of several), `command:`, `jobs:` (how many), `unique:`, `handle:`, `failed:` (how many),
  #   `error:` (the first).
  # - `perform.evgearman`: a handler, while it is called. Payload: `job:`, `function:`, `handle:`, and `exception:` and
  #   `exception_object:` as ever.
  # - `connect.evgearman`, `disconnect.evgearman`: a connection was made, or ended. Payload: `connection:`, `server:`.
  #
  # @api private
  module Instrumentation
    SUBMIT = "submit.evgearman"
    PERFORM = "perform.evgearman"
    HOOKS = { on_connect: "connect.evgearman", on_disconnect: "disconnect.evgearman" }.freeze

    class << self
      def wanted?(event) = ActiveSupport::Notifications.notifier.listening?(event)

      # Tells of a submission when it is known how it ended. The block makes it.
      def submission(client, function:, command:, jobs: 1)
        start = now
        task = yield
        task.on_finish do |result, error|
          errors = (result.is_a?(Array) ? result : [error]).grep(Exception)
          publish(SUBMIT, start, client: client, function: function, command: command, jobs: jobs, unique: task.unique,
                                 handle: task.handle, failed: errors.size, error: errors.first)
        end
      end

      private

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

      def publish(name, start, **payload)
        id = ActiveSupport::Notifications.instrumenter.id
        event = [name, start, now, id, payload]
        return ActiveSupport::Notifications.publish(*event) unless ActiveSupport::Notifications.respond_to?(:publish_event)

        ActiveSupport::Notifications.publish_event(ActiveSupport::Notifications::Event.new(*event)) # which came with Rails 7
      end
    end

    # In front of {EVGearman::Client}.
    module Submissions
      private

      def _submit(function, workload, unique, command, *)
        return super unless Instrumentation.wanted?(SUBMIT)

        Instrumentation.submission(self, function: function, command: command) { super }
      end

      def _submit_bg(function, workload, unique, command, *)
        return super unless Instrumentation.wanted?(SUBMIT)

        Instrumentation.submission(self, function: function, command: command) { super }
      end

      def _submit_all(jobs, coder)
        return super unless Instrumentation.wanted?(SUBMIT)

        functions = jobs.map { |job| Array(job).first }.uniq
        function = functions.first if functions.one?
        Instrumentation.submission(self, function: function, command: :submit_jobs_bg, jobs: jobs.size) { super }
      end
    end

    # In front of {EVGearman::Worker}.
    module Performances
      private

      def _register(name, callable, *rest)
        super(name, callable && Handler.new(callable), *rest)
      end
    end

    # Around a handler.
    Handler = Struct.new(:callable) do
      def call(job)
        return callable.call(job) unless Instrumentation.wanted?(PERFORM)

        payload = { job: job, function: job.function, handle: job.handle }
        ActiveSupport::Notifications.instrument(PERFORM, payload) { callable.call(job) }
      end
    end

    # In front of {EVGearman::Connection}: what is set as a hook is called behind ours, and what is read is what was set.
    module Connections
      def initialize(...)
        super
        HOOKS.each_key { |name| _set_hook(name, nil) unless _hook(name) }
      end

      private

      def _set_hook(name, callable)
        event = HOOKS[name]
        super(name, event ? Hook.new(event, self, callable) : callable)
      end

      def _hook(name)
        super.then { |hook| hook.is_a?(Hook) ? hook.callable : hook }
      end
    end

    # A hook of a connection.
    Hook = Struct.new(:event, :connection, :callable) do
      def call(server = connection.server)
        if Instrumentation.wanted?(event)
          ActiveSupport::Notifications.instrument(event, connection: connection, server: server)
        end
        named? ? callable.call(server) : callable&.call
      end

      private

      # Does it name an argument? A lambda is particular about that.
      def named?
        body = callable.respond_to?(:parameters) ? callable : callable&.method(:call)
        body&.parameters.to_a.any? { |kind, _| %i[req opt].include?(kind) }
      end
    end

    Client.prepend(Submissions)
    Worker.prepend(Performances)
    Connection.prepend(Connections)
  end
end
