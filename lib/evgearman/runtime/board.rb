# frozen_string_literal: true

require "etc"

module EVGearman
  class Runtime
    # What is known of all processes, for the probe.
    #
    # @api private
    class Board
      # Where a process without a supervisor says how it is.
      Desk = Struct.new(:board, :number) do
        def socket = nil
        def say = board.heard(number, ::Process.pid, yield.transform_keys(&:to_s))
      end

      PAGE = Etc.sysconf(Etc::SC_PAGESIZE)
      private_constant :PAGE

      # @return [Integer] bytes of memory of a process; 0 when it is gone
      def self.rss(pid)
        return ::File.read("/proc/#{pid}/statm").split[1].to_i * PAGE if ::File.exist?("/proc/self/statm")

        `ps -o rss= -p #{Integer(pid)}`.to_i * 1024
      rescue SystemCallError
        0
      end

      # Totals by function, as {Tally#take} has them.
      attr_reader :jobs

      # Processes that had to be replaced because they died.
      attr_accessor :deaths

      def initialize(settings, log)
        @settings = settings
        @log = log
        @lock = Thread::Mutex.new
        @rows = {}
        @jobs = {}
        @deaths = 0
      end

      # Answers at the probe's port, if one is wanted.
      def open
        return unless @settings[:probe_port]

        require_relative "probe"
        @probe = Probe.new(self, @settings, @log)
      end

      # In a child.
      def close = @probe&.close

      def desk(number) = Desk.new(self, number)

      # @param state [Hash{String => Object}] as a {Workshop} says it
      def heard(number, pid, state)
        return unless state.key?("ready")

        @lock.synchronize do
          @rows[[number, pid]] = state.slice("ready", "connected", "quiet", "busy", "count")
          state["jobs"].each { |function, row| add(function, row) }
        end
      end

      # A process has ended.
      def forget(number, pid) = @lock.synchronize { @rows.delete([number, pid]) }

      # @return [Array<Hash>] a row for each process that is ready
      def processes
        rows = @lock.synchronize { @rows.to_a }
        rows.map { |(number, pid), state| { "number" => number, "pid" => pid, **state, "rss" => Board.rss(pid) } }
      end

      # Is everyone who should be there ready?
      def started? = processes.map { |row| row["number"] }.uniq.size >= [@settings[:processes], 1].max

      # Is everyone connected?
      def connected? = started? && processes.all? { |row| row["connected"] }

      private

      def add(function, row)
        total = @jobs[function] ||= { "done" => 0, "failed" => 0, "seconds" => 0.0, "buckets" => [0] * row["buckets"].size }
        %w[done failed seconds].each { |name| total[name] += row[name] }
        total["buckets"] = total["buckets"].zip(row["buckets"]).map(&:sum)
      end
    end
  end
end
