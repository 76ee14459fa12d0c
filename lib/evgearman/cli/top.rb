# frozen_string_literal: true

require_relative "support/query"
require_relative "support/live"
require_relative "support/arrivals"
require_relative "support/times"

module EVGearman
  module CLI
    # `evgearman top`
    class Top < Query
      include Live

      SUMMARY = "What servers are busy with, live"

      # Jobs of a server, above which they are not listed to see how many come.
      MOST = 2000

      # By which key it is sorted: the largest first, names from A on.
      SORTS = { "w" => :waiting, "r" => :running, "k" => :workers, "c" => :change, "n" => :name }.freeze

      COLUMNS = [
        *Table.texts(name: "FUNCTION"), *Table.numbers(waiting: "WAITING", running: "RUNNING", workers: "WORKERS"),
        *Table.numbers(change: "CHANGE/S") { |change| change.zero? ? "0.0" : format("%+.1f", change) },
        *Table.numbers(empty_in: "EMPTY IN") { |time| Times.clock(time) }
      ].freeze
      private_constant :MOST, :SORTS, :COLUMNS

      def call
        @sort ||= :waiting
        @before = {}
        @arrivals = Hash.new { |all, server| all[server] = Arrivals.new }
        live(@interval || 1) { sample }
      end

      private

      def flags(parser)
        parser.on("-i", "--interval SECONDS", Float, "between two looks; usually 1") { |interval| @interval = interval }
        parser.on("-n", "--count N", Integer, "look so often") { |count| @count = count }
        sorts = "#{SORTS.values.join(", ")}; also by the keys #{SORTS.keys.join(" ")}"
        parser.on("--sort COLUMN", SORTS.values, sorts) { |column| @sort = column }
        super
      end

      def pressed(key) = SORTS[key]&.then { |column| @sort = column }

      def sample
        answers = look(&:server_status)
        time = now
        rows = rows_of(answers.reject(&:error)) { |status| status.map(&:to_h) }
        rows = sorted(rows.map { |row| compared(row, time) })
        servers = answers.map { |answer| facts(answer, rows, time) }
        @before = rows.to_h { |row| [row.values_at(:server, :name), [row[:total], time]] }
        @json ? print_json({ time: Time.now.to_f.round(3), servers: servers, functions: rows }) : draw(servers, rows)
      end

      # With what can only be seen by comparing it with the last time.
      def compared(row, time)
        total, past = @before[row.values_at(:server, :name)]
        change = (row[:total] - total) / (time - past) if total && time > past
        empty_in = (row[:total] / -change).round(1) if change&.negative?
        { **row, change: change&.round(1), empty_in: empty_in }
      end

      def sorted(rows)
        rows.sort_by do |row|
          first = @sort == :name ? 0 : -(row[@sort] || 0)
          [first, -row[:waiting], -row[:running], row[:name].b, row[:server]]
        end
      end

      def facts(answer, rows, time)
        return { server: answer.server, error: answer.error.message } if answer.error

        changes = rows.filter_map { |row| row[:change] if row[:server] == answer.server }
        came = arrivals(answer, time)&.round(1)
        { server: answer.server, functions: answer.value.size, jobs: answer.value.sum(&:total),
          running: answer.value.sum(&:running), came_per_second: came,
          left_per_second: (([came - changes.sum, 0.0].max.round(1)) if came && changes.any?) }
      end

      def arrivals(answer, time)
        return if answer.value.sum(&:total) > MOST

        client = fleet.clients.find { |one| one.server == answer.server }
        @arrivals[answer.server].rate(client.jobs.value.map(&:handle), time)
      rescue Error # Perl's server has no such list
        nil
      end

      def draw(servers, rows)
        heading = "#{Time.now.strftime("%H:%M:%S")}  every #{format("%g", @interval || 1)} s, by #{@sort}"
        keys = "q quits; sort by #{SORTS.map { |key, column| "#{key} #{column}" }.join(", ")}"
        lines = [terminal.line(heading, :dim), *servers.map { |facts| server_line(facts) }, "",
                 *table(COLUMNS, rows) { |row| :red if row[:waiting].positive? && row[:workers].zero? }]
        lines = [*lines.first(terminal.rows - 2), "", terminal.line(keys, :dim)] if terminal.tty?
        @screen.draw(lines)
      end

      def server_line(facts)
        return terminal.line(facts[:error], :red) if facts[:error]

        rates = { "came" => facts[:came_per_second], "left" => facts[:left_per_second] }.compact
        terminal.line(["#{facts[:server]}  #{facts[:jobs]} jobs", "#{facts[:running]} running",
                       *rates.map { |word, rate| format("%.1f/s %s", rate, word) }].join(", "))
      end
    end
  end
end
