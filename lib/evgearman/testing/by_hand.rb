# frozen_string_literal: true

module EVGearman
  module Testing
    # A Client or Worker that is joined to us, where others have a connection to a server: what it says is heard here, and
    # it hears what is answered.
    #
    # @api private
    module ByHand
      # Nobody is to be waited for, and nothing of this is told anybody.
      OPTIONS = { dialect: :gearmand, command_timeout: nil, heartbeat: nil, lost_check: nil, reconnect: false,
                  on_error: nil }.freeze

      private

      def join
        @lock ||= Thread::Mutex.new
        @ears = Protocol::Parser.new(magic: :req, text: true)
        _join
      end

      # No turn of the loop makes a connection, and the end of the program waits for nothing.
      def _loop_runs = self
      def _unwritten? = false

      # One after the other, also where that leads to itself: in the coder of a request.
      def exclusively(&block) = @lock.owned? ? yield : @lock.synchronize(&block)

      # Yields what it has said, packet by packet. No interrupt comes between, or nobody would have heard it.
      def listen(&block)
        Thread.handle_interrupt(Object => :never) do
          until (bytes = _said).empty?
            @ears.feed(bytes, &block)
          end
        end
      end

      # Lets it hear a packet in the next turn of its loop, or at once.
      def answer(name, *args, at_once: false)
        _heard(Protocol.encode(name, *args, magic: :res), at_once)
      end
    end
  end
end
