# frozen_string_literal: true

module EVGearman
  class Runtime
    # With which jobs processes died, and how often: a job that kills whoever runs it would go on for ever.
    #
    # @api private
    class Deaths
      MOST = 1000 # that are remembered
      private_constant :MOST

      # Keys of those that are not to be run any more.
      attr_reader :deadly

      # @param limit [Integer] 0: none ever is
      def initialize(limit)
        @limit = limit
        @counts = {}
        @deadly = Set.new
      end

      # @param entries [Array<Ledger::Entry>] what a process had in hand when it died
      # @return [Array<Ledger::Entry>] those that are not to be run any more, from now on
      def add(entries)
        return [] if @limit.zero?

        entries.each { |entry| @counts[entry.key] = (@counts.delete(entry.key) || 0) + 1 }
        @counts.shift while @counts.size > MOST
        entries.select { |entry| @counts[entry.key] == @limit && @deadly.add?(entry.key) }
      end
    end
  end
end
