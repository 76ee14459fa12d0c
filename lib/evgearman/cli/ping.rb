# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman ping`
    class Ping < Query
      SUMMARY = "Do the servers answer, and how fast"

      def call
        count = @count || 1
        count.times do |turn|
          sleep(1) if turn.positive?
          @code = nil
          once
        end
        code
      end

      private

      def flags(parser)
        parser.on("-n", "--count N", Integer, "so often, one second apart") { |count| @count = count }
        super
      end

      def once
        rows = fleet.clients.map { |client| time(client) }
        @json ? print_json(rows) : puts(rows.filter_map { |row| line(row) })
        $stdout.flush
      end

      # On a connection that is there: making it is not counted.
      def time(client)
        client.echo("").value
        { server: client.server, seconds: client.ping.round(6) }
      rescue Error => e
        @code = CLI.complain(e)
        { server: client.server, error: e.message }
      end

      def line(row)
        format("%<server>s  %<ms>.2f ms", server: row[:server], ms: row[:seconds] * 1000) if row[:seconds]
      end
    end
  end
end
