# frozen_string_literal: true

module EVGearman
  module CLI
    # The servers that a command asks, all at once, each of which has its own answer.
    #
    # @api private
    class Fleet
      # What one of them said, or what went wrong instead.
      Answer = Struct.new(:server, :value, :error)

      # @param servers [Array<String>]
      # @param timeout [Numeric] seconds for a connection, and for an answer
      # @param options [Hash] of {Client#initialize}
      # @raise [ArgumentError] for an address that cannot be read
      def initialize(servers, timeout:, **options)
        @all = Client.new(servers: servers, loop: Loop.new, reconnect: false, on_error: nil, connect_timeout: timeout,
                          command_timeout: timeout, **options)
      end

      # @return [Array<Client>] one at each server
      def clients = @clients ||= @all.servers.map { |server| @all.at(server) }

      def several? = clients.size > 1

      # @yield [client] makes a request
      # @yieldreturn [Task]
      # @return [Array<Answer>] one for each server
      def ask(&request)
        clients.map { |client| [client, submit(client, &request)] }.map { |client, task| answer(client, task) }
      end

      # @return [void]
      def close = @all.loop.close

      private

      def submit(client)
        yield(client)
      rescue Error => e
        e
      end

      def answer(client, task)
        raise task if task.is_a?(Error)

        Answer.new(client.server, task.value, nil)
      rescue Error => e
        Answer.new(client.server, nil, e)
      end
    end
  end
end
