# frozen_string_literal: true

require "socket"

# What any server at `host` and `port` is asked by text, on a connection for each question.
module Asks
  LISTS = %w[status workers].freeze

  # One line of the admin protocol; a list as an Array of its lines.
  def ask(line)
    Socket.tcp(host, port) do |socket|
      socket.write("#{line}\n")
      first = socket.gets.chomp
      return first unless LISTS.include?(line)

      lines = [first]
      lines << socket.gets.chomp until lines.last == "."
      lines[0...-1]
    end
  end

  # [queued and running, running, workers] of a function
  def status(function)
    row = ask("status").map { |line| line.split("\t") }.find { |name, *| name == function }
    row ? row.drop(1).map(&:to_i) : [0, 0, 0]
  end
end
