# frozen_string_literal: true

require "io/console"

module EVGearman
  module CLI
    # Where a command prints: what it can show, and how large it is.
    #
    # @api private
    class Terminal
      STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }.freeze
      private_constant :STYLES

      # When it does not say.
      USUAL_SIZE = [24, 80].freeze
      private_constant :USUAL_SIZE

      # @return [IO]
      attr_reader :out

      # @param out [IO]
      def initialize(out)
        @out = out
      end

      # Can it move back, and write over what is there?
      def tty? = out.tty? && ENV["TERM"] != "dumb"

      # As no-color.org has it.
      def colour? = tty? && ENV["NO_COLOR"].to_s.empty?

      # @param style [Symbol, nil]
      # @return [String]
      def paint(text, style) = style && colour? ? "\e[#{STYLES.fetch(style)}m#{text}\e[0m" : text

      # What of it fits into a line.
      #
      # @param style [Symbol, nil]
      # @return [String]
      def line(text, style = nil) = paint(columns ? text[0, columns] : text, style)

      # @return [Integer, nil] characters in a line; nil: as many as one likes
      def columns = tty? ? size.last : nil

      # @return [Integer] lines
      def rows = size.first

      # Can it show more than ASCII?
      def unicode? = Encoding.default_external == Encoding::UTF_8

      private

      def size
        size = out.winsize
        size.all?(&:positive?) ? size : USUAL_SIZE
      rescue SystemCallError
        USUAL_SIZE
      end
    end
  end
end
