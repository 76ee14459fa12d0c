# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman version`, `evgearman --version`
    class Version < Query
      SUMMARY = "The version of this program, and of the servers named by --servers"

      def call
        rows = @said.key?(:servers) ? rows_of(ask(&:server_version)) { |version| [{ version: version }] } : []
        return print_json({ evgearman: VERSION, servers: rows }).then { code } if @json

        puts("evgearman #{VERSION}")
        rows.each { |row| puts("#{row[:server]}  #{Words.one_line(row[:version])}") }
        code
      end
    end
  end
end
