# frozen_string_literal: true

module EVGearman
  class Runtime
    # What was done since somebody asked, by function.
    #
    # @api private
    class Tally
      # Seconds; the last bucket has no end.
      BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300].freeze

      # Jobs that were done since the beginning, failed ones too.
      attr_reader :count

      def initialize
        @lock = Thread::Mutex.new
        @count = 0
        @rows = {}
      end

      def add(function, done, seconds)
        @lock.synchronize do
          @count += 1
          row = @rows[function] ||= { "done" => 0, "failed" => 0, "seconds" => 0.0, "buckets" => [0] * (BUCKETS.size + 1) }
          row[done ? "done" : "failed"] += 1
          row["seconds"] += seconds
          row["buckets"][BUCKETS.index { |limit| seconds <= limit } || -1] += 1
        end
      end

      # @return [Hash{String => Hash}]
      def take
        @lock.synchronize { @rows.tap { @rows = {} } }
      end
    end
  end
end
