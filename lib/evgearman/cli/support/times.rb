# frozen_string_literal: true

require "optparse"
require "time"

module EVGearman
  module CLI
    # Times as people write them.
    #
    # @api private
    module Times
      UNITS = { "" => 1, "s" => 1, "m" => 60, "h" => 3600, "d" => 86_400 }.freeze
      SPAN = /\A(\d+(?:\.\d+)?)([smhd]?)\z/
      CLOCK = /\A\d{1,2}:\d{2}(:\d{2})?\z/
      DATE = /\A\d{4}-\d{2}-\d{2}([T ].+)?\z/
      private_constant :UNITS, :SPAN, :CLOCK, :DATE

      module_function

      # @return [Float] seconds: of "90", "1.5s", "15m", "2h", "1d"
      def span(text)
        number, unit = SPAN.match(text)&.captures
        number ? Float(number) * UNITS.fetch(unit) : refuse(text)
      end

      # @return [Time, Integer] of Unix seconds, "18:30" (the next one), "2030-01-31", "2030-01-31T18:30+01:00"
      def point(text)
        case text
        when /\A\d+\z/ then Integer(text, 10)
        when CLOCK then Time.parse(text).then { |time| time < Time.now ? Time.parse(text, Time.now + 86_400) : time }
        when DATE then Time.parse(text)
        else refuse(text)
        end
      rescue ArgumentError
        refuse(text)
      end

      # @return [String] "0:03", "1:02:03"
      def clock(seconds)
        minutes, seconds = seconds.to_i.divmod(60)
        hours, minutes = minutes.divmod(60)
        hours.zero? ? format("%d:%02d", minutes, seconds) : format("%d:%02d:%02d", hours, minutes, seconds)
      end

      def refuse(text) = raise(OptionParser::InvalidArgument, text)
    end
  end
end
