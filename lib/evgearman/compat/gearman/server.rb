# frozen_string_literal: true

module Gearman
  # Asks a server about its jobs and workers.
  class Server
    # @return [String]
    attr_reader :hostport

    # @param hostport [String] "host:port"
    def initialize(hostport)
      @hostport = hostport
      @client = EVGearman::Client.new(url: Servers.addresses(hostport).first, loop: EVGearman::Loop.new, reconnect: false,
                                      on_error: nil)
    end

    # @param name [String] a line of its text protocol
    # @return [String] what it says, without the line that ends it
    # @raise [NetworkError]
    def send_command(name) = ask { @client.admin(name) }

    # @return [Hash{String => Hash}] by function: `queue`, `active`, `workers`, as Strings
    # @raise [NetworkError]
    def status
      ask { @client.server_status }.to_h do |row|
        [row.name, { queue: row.total.to_s, active: row.running.to_s, workers: row.workers.to_s }]
      end
    end

    # @return [Array<Hash>] of each worker: `host`, `status` (its client id), `functions`
    # @raise [NetworkError]
    def workers
      rows = ask { @client.server_workers }.reject { |row| row.functions.empty? }
      rows.map { |row| { host: row.ip, status: row.client_id, functions: row.functions } }
    end

    private

    def ask
      yield.value
    rescue EVGearman::Error => e
      raise NetworkError, e.message
    end
  end
end
