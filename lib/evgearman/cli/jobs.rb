# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman jobs`
    class Jobs < Query
      SUMMARY = "Jobs that servers have; with handles how these are"
      ARGUMENTS = "[HANDLE...]"

      LISTED = [*Table.texts(handle: "HANDLE", background: "BACKGROUND", cancelled: "CANCELLED"),
                *Table.numbers(retries: "RETRIES")].freeze
      HOW = Table.texts(state: "STATE", progress: "PROGRESS").freeze
      BY_HANDLE = [*Table.texts(handle: "HANDLE"), *HOW].freeze
      BY_KEY = [*Table.texts(unique: "UNIQUE KEY"), *HOW, *Table.numbers(clients: "CLIENTS")].freeze
      private_constant :LISTED, :HOW, :BY_HANDLE, :BY_KEY

      def call(*handles)
        return asked(BY_KEY, handles) { |client, key| client.get_status_unique(key) } if @by_key
        return asked(BY_HANDLE, handles) { |client, handle| client.get_status(handle) } unless handles.empty?

        rows = rows_of(ask(&:jobs)) { |jobs| jobs.map { |job| listed(job) } }
        show(LISTED, rows)
        code
      end

      private

      def flags(parser)
        parser.on("-u", "--unique", "what is given are unique keys, not handles") { @by_key = true }
        super
      end

      def listed(job)
        { handle: job.handle, background: job.queued == 1, cancelled: job.ignored == 1, retries: job.retries }
      end

      def asked(columns, names, &request)
        show(columns, names.flat_map { |name| asked_of_all(name, &request) })
        code
      end

      # Only one of several servers knows it, if any.
      def asked_of_all(name)
        rows = rows_of(ask { |client| yield(client, name) }) { |status| [row_of(status)] }
        known = rows.reject { |row| row[:state] == "unknown" }
        known.empty? ? rows.first(1) : known
      end

      def row_of(status)
        { handle: status.handle, unique: status.unique, state: state(status), numerator: status.numerator,
          denominator: status.denominator, progress: progress(status), clients: status.client_count }.compact
      end

      def state(status)
        return "unknown" unless status.known?

        status.running? ? "running" : "waiting"
      end

      def progress(status)
        return unless status.ratio

        format("%<percent>d %% (%<done>d/%<all>d)",
               percent: status.ratio * 100, done: status.numerator, all: status.denominator)
      end
    end
  end
end
