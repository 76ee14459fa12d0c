# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman workers`
    class Workers < Query
      SUMMARY = "Workers that are connected, and what they can do"
      ARGUMENTS = "[FUNCTION...]"

      COLUMNS = [*Table.texts(client_id: "CLIENT ID", ip: "ADDRESS"), *Table.numbers(fd: "FD"),
                 *Table.texts(functions: "FUNCTIONS")].freeze
      private_constant :COLUMNS

      def call(*functions)
        rows = rows_of(ask(&:server_workers)) { |workers| workers.map(&:to_h) }
        rows = rows.reject { |row| row[:functions].empty? } unless @all
        rows = rows.select { |row| row[:functions].intersect?(functions) } unless functions.empty?
        show(COLUMNS, rows.sort_by { |row| [row[:server], row[:client_id].b, row[:fd]] })
        code
      end

      private

      def flags(parser)
        parser.on("-a", "--all", "also connections that can do nothing: clients") { @all = true }
        super
      end
    end
  end
end
