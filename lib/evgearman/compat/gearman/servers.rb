# frozen_string_literal: true

module Gearman
  # The connections of a Client: one for each server, asked by turns.
  #
  # @api private
  class Servers
    # Seconds that a server which could not be reached is passed over, if there are others.
    AWAY = 60

    # @param given [String, Symbol, Array<String>, nil] "host:port" or "host"; nil: those of GEARMAN_SERVERS, if there are
    #   any
    # @return [Array<String>] addresses as evgearman has them
    def self.addresses(given)
      given ||= ENV.fetch("GEARMAN_SERVERS", "127.0.0.1").split(",")
      Array(given).map { |server| server.to_s.strip }.map { |server| server.include?(":") ? server : "#{server}:4730" }
    end

    # @yield [url] makes a connection
    def initialize(given, &make)
      @connections = self.class.addresses(given).map(&make)
      @turn = 0
      @away = {}
    end

    # @yield [connection] to each
    def each(&block) = @connections.each(&block)

    # What the block answers of the next server; of the one behind it, when that cannot be reached.
    #
    # @yield [connection]
    # @raise [NoJobServersError] when none can
    def next
      in_turn.each do |connection|
        return yield(connection).tap { @away.delete(connection) }
      rescue EVGearman::ConnectError => e
        @away[connection] = connection.loop.now
        Gearman.logger.error("GearmanRuby: #{e.message}")
      end
      raise NoJobServersError, "no job server can be reached: #{@connections.map(&:server).join(", ")}"
    end

    private

    def in_turn
      @turn += 1
      @connections.rotate(@turn).partition { |connection| !away?(connection) }.flatten
    end

    def away?(connection) = connection.loop.now - @away.fetch(connection, -Float::INFINITY) < AWAY
  end
end
