# frozen_string_literal: true

require_relative "table"

module Bench
  # Operations a second, of ours and of what is beside it.
  Beside = Struct.new(:title, :ours, :beside, :other) do
    # Prints a table of some. Ends the program when numbers are missing.
    def self.report(head, results)
      puts Table.grid([[head, "per second", "beside it", "ratio", "which is"], *results.map(&:cells)])
      abort "bench: numbers are missing" unless results.all? { |result| result.ratio.positive? }
    end

    def ratio = ours / other
    def cells = [title, *[ours, other, ratio].map { |number| Table.number(number) }, beside]
  end
end
