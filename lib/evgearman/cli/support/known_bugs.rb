# frozen_string_literal: true

module EVGearman
  module CLI
    # What is known to be wrong with servers, and what can be done about it: docs/gearmand.md has the long list, this one
    # those that an operator can do something about.
    #
    # @api private
    module KnownBugs
      # Of a dialect, in versions before one (nil: in all), what is wrong, and what helps.
      Bug = Struct.new(:dialect, :before, :what, :remedy) do
        def in?(dialect, version)
          self.dialect == dialect && (before.nil? || (version.scan(/\d+/).first(3).map(&:to_i) <=> before).negative?)
        end
      end

      # Behind the version of our own server, which has none of them.
      OURS = "+evgearman"

      SECOND = [2, 0, 0].freeze
      private_constant :SECOND

      # It decides whether {Check} fails.
      EPOCH = Bug.new(:gearmand, SECOND, "a delayed job that becomes due wakes no sleeping worker",
                      "leave poll_interval on: workers of evgearman then ask by themselves, others may sleep on; " \
                      "or gearmand 2.0")

      LIST = [
        EPOCH,
        Bug.new(:gearmand, SECOND, "jobs that overrun CAN_DO_TIMEOUT can hang it",
                "give handlers timeout:, which needs no server, instead of server_timeout:"),
        Bug.new(:gearmand, SECOND, "low jobs of a function wait behind a delayed one", "use another function for these"),
        Bug.new(:gearmand, SECOND, "a quote in a unique key damages its Postgres queue", "keep quotes out of keys there"),
        Bug.new(:gearmand, nil, "with a sqlite queue it does not start again after a background job without a workload",
                "give each job a byte at least"),
        Bug.new(:perl, nil, "it has no delayed jobs, no low priority, no status by key, and forgets its jobs when it ends",
                "do without them, or take gearmand")
      ].freeze

      # @param dialect [Symbol] of {Connection#dialect}
      # @param version [String] as the server says it
      # @return [Array<Bug>]
      def self.of(dialect, version)
        version.end_with?(OURS) ? [] : LIST.select { |bug| bug.in?(dialect, version) }
      end
    end
  end
end
