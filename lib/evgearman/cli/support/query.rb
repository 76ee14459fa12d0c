# frozen_string_literal: true

require "json"
require_relative "fleet"
require_relative "table"
require_relative "terminal"

module EVGearman
  module CLI
    # A command that asks servers, and prints what they say: a table, or JSON.
    #
    # @abstract
    # @api private
    class Query < Command
      # Seconds for a connection, and for an answer.
      PATIENCE = 5

      # Of which server a row is, when there are several.
      SERVER = Table::Column.new(:server, "SERVER")

      # @param arguments [Array<String>]
      # @return [Integer]
      def run(arguments)
        super
      rescue Settings::Error
        raise
      rescue ArgumentError => e # a name, an address, a number that cannot be
        refuse(e.message)
      ensure
        @fleet&.close
      end

      private

      def flags(parser)
        parser.on("--timeout SECONDS", Float, "for the answer of a server; usually #{PATIENCE}") { |value| @timeout = value }
        parser.on("--json", "print JSON") { @json = true }
      end

      def terminal = @terminal ||= Terminal.new($stdout)

      def fleet
        @fleet ||= Fleet.new(settings[:servers], timeout: @timeout || PATIENCE, tls: settings[:tls], **client_options)
      end

      def client_options = {}

      # @yield [client]
      # @yieldreturn [Task]
      # @return [Array<Fleet::Answer>] of those who answered; of the others it is told
      # @raise [Error] when none did
      def ask(&request)
        failed, answered = fleet.ask(&request).partition(&:error)
        last = failed.pop.error if answered.empty?
        failed.each { |answer| @code = CLI.complain(answer.error) }
        last ? raise(last) : answered
      end

      # How it ends: as the last one said who did not answer.
      def code = @code || DONE

      # @raise [UsageError]
      def refuse(reason) = raise(UsageError, reason)

      # Does something at every server to each of these, also behind one that fails.
      #
      # @yield [client, name]
      # @yieldreturn [Task]
      # @return [Integer] how to end
      def act(names)
        rows = names.flat_map do |name|
          fleet.ask { |client| yield(client, name) }.map { |answer| outcome(name, answer) }
        end
        print_json(rows) if @json
        code
      end

      def outcome(name, answer)
        @code = CLI.complain(answer.error) if answer.error
        { server: answer.server, name: name, done: answer.error.nil?, error: answer.error&.message }.compact
      end

      # Rows of what servers said.
      #
      # @yield [value] makes rows
      # @yieldreturn [Array<Hash>]
      # @return [Array<Hash>] which know their server
      def rows_of(answers)
        answers.flat_map { |answer| yield(answer.value).map { |row| { server: answer.server, **row } } }
      end

      # @param columns [Array<Table::Column>]
      # @param rows [Array<Hash>]
      # @yield [row] the style of its line, or nil
      def show(columns, rows, &style)
        @json ? print_json(rows) : puts(table(columns, rows, &style))
      end

      # @return [Array<String>] lines
      def table(columns, rows)
        columns = [SERVER, *columns] if fleet.several?
        table = Table.new(columns, rows, width: terminal.columns)
        lines = table.lines { |line, row| terminal.paint(line, block_given? ? yield(row) : nil) }
        lines << terminal.paint("(none)", :dim) if lines.empty? && terminal.tty?
        [terminal.paint(table.head, :bold), *lines]
      end

      # At once: whoever reads it may wait for a line of one who goes on.
      def print_json(value)
        puts(JSON.generate(readable(value)))
        $stdout.flush
      end

      # What others said may be any bytes; JSON is UTF-8.
      def readable(value)
        case value
        when String then value.dup.force_encoding(Encoding::UTF_8).scrub("?")
        when Array then value.map { |item| readable(item) }
        when Hash then value.to_h { |key, item| [key, readable(item)] }
        else value
        end
      end
    end
  end
end
