# frozen_string_literal: true

module EVGearman
  module CLI
    # Columns with a head: numbers stand to the right, all else to the left.
    #
    # @api private
    class Table
      # What it shows of a row, by the row's `key`, below its title. The block makes a text of a value.
      class Column
        attr_reader :key, :title

        # Does it stand to the right?
        attr_reader :number
        alias number? number

        def initialize(key, title, number: false, &shown)
          @key = key
          @title = title
          @number = number
          @shown = shown
        end

        # What others said may hold anything, so it is one line, and moves no cursor.
        def text(row)
          value = row[key]
          Words.one_line(@shown && !value.nil? ? @shown.call(value) : plain(value))
        end

        private

        def plain(value)
          case value
          when nil, false then "-"
          when true then "yes"
          when Array then value.join(" ")
          else value.to_s
          end
        end
      end

      # Columns that stand to the left, and to the right, by key and title.
      #
      # @return [Array<Column>]
      def self.texts(**titles, &shown) = titles.map { |key, title| Column.new(key, title, &shown) }
      def self.numbers(**titles, &shown) = titles.map { |key, title| Column.new(key, title, number: true, &shown) }

      GAP = "  "
      LEAST = 8 # of a text that is cut
      private_constant :GAP, :LEAST

      # @param columns [Array<Column>]
      # @param rows [Array<Hash>]
      # @param width [Integer, nil] of its lines: longer texts are cut
      def initialize(columns, rows, width: nil)
        @columns = columns
        @rows = rows
        @right = columns.map(&:number?)
        @cells = [columns.map(&:title), *rows.map { |row| columns.map { |column| column.text(row) } }]
        @widths = @cells.transpose.map { |cells| cells.map(&:size).max }
        fit(width) if width
      end

      # @return [String]
      def head = line(@cells.first)

      # A line for each row.
      #
      # @yield [line, row]
      # @return [Array<String>]
      def lines(&block) = @cells.drop(1).zip(@rows).map { |cells, row| block ? yield(line(cells), row) : line(cells) }

      private

      # The longest text gives way.
      def fit(width)
        excess = @widths.sum + ((@widths.size - 1) * GAP.size) - width
        return unless excess.positive?

        at = @widths.each_index.reject { |index| @right[index] }.max_by { |index| @widths[index] } or return
        @widths[at] = [@widths[at] - excess, LEAST].max
      end

      def line(cells)
        texts = cells.each_with_index.map do |text, at|
          text = "#{text[0, @widths[at] - 1]}…" if text.size > @widths[at]
          @right[at] ? text.rjust(@widths[at]) : text.ljust(@widths[at])
        end
        texts.join(GAP).rstrip
      end
    end
  end
end
