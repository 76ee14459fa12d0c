# frozen_string_literal: true

require "socket"
require_relative "contestant"

module Bench
  # A server that runs already, as long as the block runs; then it is as it was before.
  class Elsewhere
    OURS = /\Abench(-\d+)?\z/.freeze # functions

    def initialize(address, floor = Floor.new)
      @host, _, @port = address.rpartition(":")
      abort "bench: --server is HOST:PORT" if @host.empty?
      @address = address
      @floor = floor
      abort "bench: #{address} has a function of ours: #{functions.keys.first}" if functions.any?
    rescue SystemCallError, SocketError => e
      abort "bench: #{address}: #{e.message}"
    end

    def run
      yield @address
    ensure
      left = functions.fetch("bench", 0)
      @floor.sample(@address, :worker, left, 64) if left.positive?
      functions.each_key { |name| ask("drop function #{name}", &:gets) }
    end

    private

    # Ours that it knows, and how many jobs each has.
    def functions
      rows = ask("status") { |socket| socket.each_line(chomp: true).take_while { |line| line != "." } }
      rows.map { |row| row.split("\t") }.select { |name,| name.match?(OURS) }.to_h { |name, jobs,| [name, jobs.to_i] }
    end

    def ask(line)
      TCPSocket.open(@host, @port) do |socket|
        socket.puts line
        yield socket
      end
    end
  end
end
