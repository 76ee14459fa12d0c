# frozen_string_literal: true

require_relative "support/query"
require_relative "support/live"

module EVGearman
  module CLI
    # `evgearman status`
    class Status < Query
      include Live

      SUMMARY = "Functions and their jobs"
      ARGUMENTS = "[FUNCTION...]"

      NAME = Table.texts(name: "FUNCTION")
      JOBS = [*NAME, *Table.numbers(total: "JOBS", waiting: "WAITING", running: "RUNNING", workers: "WORKERS")].freeze
      PRIORITIES = [*NAME, *Table.numbers(high: "HIGH", normal: "NORMAL", low: "LOW", workers: "WORKERS")].freeze
      private_constant :NAME, :JOBS, :PRIORITIES

      def call(*functions)
        return live(@watch) { watch(functions) } if @watch

        rows = rows_from(ask(&request), functions)
        show(columns, rows) { |row| style(row) }
        missing(functions, rows)
        code
      end

      private

      def flags(parser)
        parser.on("-p", "--priorities", "jobs that wait, by priority") { @priorities = true }
        parser.on("-w", "--watch [SECONDS]", Float, "again and again, every 2 seconds; q ends it") do |time|
          @watch = time || 2
        end
        parser.on("-n", "--count N", Integer, "with --watch: so often") { |count| @count = count }
        super
      end

      def columns = @priorities ? PRIORITIES : JOBS
      def request = (@priorities ? :priority_status : :server_status).to_proc

      def rows_from(answers, functions)
        rows = rows_of(answers) { |status| status.map(&:to_h) }
        rows = rows.select { |row| functions.include?(row[:name]) } unless functions.empty?
        rows.sort_by { |row| [row[:name].b, row[:server]] }
      end

      # Jobs that nobody does.
      def style(row)
        waiting = row.fetch(:waiting) { row.values_at(:high, :normal, :low).sum }
        :red if waiting.positive? && row[:workers].zero?
      end

      # What nobody has ever heard of.
      def missing(functions, rows)
        return if code != DONE

        (functions - rows.map { |row| row[:name] }).each do |name|
          @code = CLI.complain(Error.new("no such function: #{name}"))
        end
      end

      def watch(functions)
        failed, answered = look(&request).partition(&:error)
        rows = rows_from(answered, functions)
        return print_json({ time: Time.now.to_f.round(3), functions: rows }) if @json

        heading = terminal.line("#{Time.now.strftime("%H:%M:%S")}  every #{format("%g", @watch)} s", :dim)
        lines = table(columns, rows) { |row| style(row) }
        @screen.draw([heading, *failed.map { |answer| terminal.line(answer.error.message, :red) }, "", *lines])
      end
    end
  end
end
