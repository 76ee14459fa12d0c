# frozen_string_literal: true

module EVGearman
  module Testing
    # The places where {Testing} comes between, all of them.
    #
    # @api private
    module Seams
      STATE = Connection.instance_method(:state)
      DISCONNECT = Connection.instance_method(:disconnect)
      WORKER = EVGearman::Job.instance_method(:worker)
      private_constant :STATE, :DISCONNECT, :WORKER

      # In front of {EVGearman::Client}: requests go to its stand-in.
      module Client
        def echo(data, &block) = _fake ? _fake.ask(:echo, data, &block) : super
        def option(name, &block) = _fake ? _fake.ask(:option, name, &block) : super
        def state = _fake ? :connected : super
        def connected? = _fake ? true : super

        def initialize(...)
          super
          _fake
        end

        def disconnect
          @fake&.disconnect
          super
        end

        def close(timeout = 1)
          @fake&.close(timeout)
          super
        end

        private

        # These name all their arguments: an Array of them would cost every request an object.

        def _submit(function, workload, unique, command, timeout, listeners, coder, encoding, &block)
          return super unless _fake

          _fake.ask(:_submit, function, workload, unique, command, timeout, listeners, coder, encoding, &block)
        end

        def _submit_bg(function, workload, unique, command, run_at, coder, &block)
          _fake ? _fake.ask(:_submit_bg, function, workload, unique, command, run_at, coder, &block) : super
        end

        def _submit_all(jobs, coder, &block) = _fake ? _fake.ask(:_submit_all, jobs, coder, &block) : super
        def _get_status(of, converter, &block) = _fake ? _fake.ask(:_get_status, of, converter, &block) : super

        def _get_status_unique(of, converter, &block)
          _fake ? _fake.ask(:_get_status_unique, of, converter, &block) : super
        end

        def _admin(line, multiline, converter, &block)
          _fake ? _fake.ask(:_admin, line, multiline, converter, &block) : super
        end

        def _connect = _fake ? self : super
        def _connect_to(host, port, path) = _fake ? self : super
        def _flush(timeout) = _fake ? _fake.send(:_flush, timeout) : super

        def _loop_runs = Testing.disabled? ? super : self

        # Its stand-in, if it is to have one now. One that is closed says so itself.
        def _fake
          return if Testing.disabled? || STATE.bind_call(self) == :closed

          @fake ||= FakeClient.new(self).tap { stay_down }
        end

        # A loop that is run connects what never was.
        def stay_down = STATE.bind_call(self) == :idle && DISCONNECT.bind_call(self)
      end

      # In front of {EVGearman::Worker}.
      module Worker
        private

        def _register(name, callable, *) = super.tap { Handlers.note(self) if callable }
      end

      # In front of {EVGearman::Job}: what is said of a job is heard at once.
      module Job
        def send_data(bytes) = _attended { super }
        def warning(bytes) = _attended { super }
        def status(numerator, denominator) = _attended { super }
        def complete(*) = _attended { super }
        def fail = _attended { super }
        def exception(error) = _attended { super }

        def worker = super.then { |worker| worker.is_a?(Performer) ? worker.original : worker }

        private

        def _attended
          worker = WORKER.bind_call(self)
          yield.tap { worker.attend if worker.is_a?(Performer) }
        end
      end

      # In front of {EVGearman::Task}.
      module Task
        def client = super.then { |client| client.is_a?(FakeClient) ? client.original : client }
      end

      EVGearman::Client.prepend(Client)
      EVGearman::Worker.prepend(Worker)
      EVGearman::Job.prepend(Job)
      EVGearman::Task.prepend(Task)
    end
  end
end
