# frozen_string_literal: true

require_relative "support/query"
require_relative "support/trial"

module EVGearman
  module CLI
    # `evgearman bench`
    class Bench < Query
      SUMMARY = "How fast a server is, from here, with a worker in a process of its own that does nothing"

      COLUMNS = [*Table.texts(operation: "OPERATION"), *Table.numbers(times: "TIMES"),
                 *Table.numbers(seconds: "SECONDS") { |seconds| format("%.2f", seconds) },
                 *Table.numbers(per_second: "PER SECOND") { |rate| rate.round.to_s },
                 *Table.numbers(median: "MEDIAN MS", most: "99 % MS") { |seconds| format("%.2f", seconds * 1000) }].freeze
      private_constant :COLUMNS

      def call
        refuse("one server at a time: name it with --servers") if fleet.several?
        refuse("--jobs and --size are whole numbers above 0 and from 0") unless @jobs.positive? && @size >= 0

        client = fleet.clients.first
        client.echo("").value
        rows = Trial.run(client, settings, jobs: @jobs, size: @size, at_a_time: @at_a_time)
        show(COLUMNS, rows.map { |row| { server: client.server, **row } })
      end

      private

      def flags(parser)
        @jobs, @size, @at_a_time = 10_000, 16, 64
        parser.on("-n", "--jobs N", Integer, "jobs; usually #{@jobs}") { |jobs| @jobs = jobs }
        parser.on("--size BYTES", Integer, "of their workloads; usually #{@size}") { |size| @size = size }
        parser.on("--at-a-time N", Integer, "jobs under way; usually #{@at_a_time}") { |number| @at_a_time = number }
        super
      end
    end
  end
end
