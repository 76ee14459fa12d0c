# frozen_string_literal: true

module EVGearman
  # The second thread of {Worker#run}: it turns the loop while a handler is long, so that heartbeats, deadlines and the end
  # of a shutdown are kept. The C side says when.
  #
  # @api private
  class Deputy
    # Serves while the block runs.
    #
    # @param loop [Loop]
    # @param on_exception [#call] is told what a block raised on its thread that is no StandardError
    def self.during(loop, on_exception)
      deputy = new(loop, on_exception)
      yield
    ensure
      deputy&.dismiss
    end

    def initialize(loop, on_exception)
      _set_loop(loop)
      @on_exception = on_exception
      @thread = OwnThread.start("evgearman deputy") { watch }
    rescue ThreadError # no more threads: it goes without one
      nil
    end

    # It may be inside a block: that is waited for a little, and then left to itself.
    def dismiss
      _dismiss
      @thread&.join(1)
    end

    private

    def watch
      _watch
    rescue Exception => e # rubocop:disable Lint/RescueException -- of a block, for the thread that is in `run`
      @on_exception.call(e)
    end
  end
end
