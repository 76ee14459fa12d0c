# frozen_string_literal: true

module EVGearman
  module CLI
    # How many jobs a server gets: it numbers them, and the numbers are in their handles. A server that has no job at the
    # moment shows no number, so the last one that was seen is kept.
    #
    # @api private
    class Arrivals
      def initialize
        @seen = []
      end

      # @param handles [Array<String>] of the jobs that it has
      # @param time [Float] when
      # @return [Float, nil] jobs per second since a number was seen last; nil when there is nothing to compare
      def rate(handles, time)
        number = handles.filter_map { |handle| handle[/:(\d+)\z/, 1]&.to_i }.max or return
        before, @seen = @seen, [number, time]
        number, time = [number, time].zip(before).map { |now, past| past && (now - past) }
        number / time if number && number >= 0 && time.positive? # it begins at 1 again with the server
      end
    end
  end
end
