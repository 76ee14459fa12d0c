# frozen_string_literal: true

module EVGearman
  module Testing
    # Who can do what, in this process.
    #
    # @api private
    module Handlers
      @kept = {}.compare_by_identity
      @count = 0

      class << self
        # The Worker that has those of {Testing.register}. Its loop is never turned, so nobody closes it.
        def own
          @own ||= Worker.new(loop: Loop.new, on_error: nil, on_callback_error: nil)
        end

        # A Worker, and what it has for this function: callable, async, coder, encoding. nil: nobody can do it.
        def for(function)
          [own, *workers].each do |worker|
            handler = worker.send(:_handler, function)
            return [worker, *handler] if handler
          end
          nil
        end

        # That Worker has a handler more; nobody else may hold it.
        def note(worker)
          return if worker.is_a?(Performer)

          worker.instance_variable_set(:@noted, @count += 1)
          @kept.delete_if { |other, _| other.closed? }
          @kept[worker] = true unless Testing.disabled?
        end

        private

        # The one that registered last is the first.
        def workers
          all = Loop._open.flat_map { |loop| loop.send(:_clients) }.grep(Worker)
          all.reject! { |worker| worker.is_a?(Performer) || worker.equal?(own) || worker.closed? }
          all.sort_by { |worker| -(worker.instance_variable_get(:@noted) || 0) }
        end
      end
    end
  end
end
