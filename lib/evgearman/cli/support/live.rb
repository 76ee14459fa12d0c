# frozen_string_literal: true

require "io/wait"
require_relative "screen"

module EVGearman
  module CLI
    # For a {Query} that looks again every so many seconds.
    #
    # @api private
    module Live
      private

      # @param seconds [Numeric] between two looks
      # @yield takes a look, and shows it
      # @return [Integer] as the last look ended
      def live(seconds)
        Screen.open(terminal) do |screen|
          @screen = screen
          1.step do |turn|
            @code = nil
            yield
            break if turn == @count || !go_on?(seconds)
          end
        end
        code
      end

      # A complaint has its place on the screen.
      #
      # @return [Array<Fleet::Answer>] of all
      def look(&request)
        answers = fleet.ask(&request)
        answers.each { |answer| @code = CLI.code_of(answer.error) if answer.error }
      end

      # False when it is to end; a key that means something hastens the next look.
      def go_on?(seconds)
        deadline = now + seconds
        while (left = deadline - now).positive?
          key = @screen.key(left)
          return key != "q" if key == "q" || (key && pressed(key))
        end
        true
      end

      # Does that key mean something?
      def pressed(_key) = false

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
