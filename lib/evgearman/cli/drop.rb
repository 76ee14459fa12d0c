# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman drop`
    class Drop < Query
      SUMMARY = "Makes servers forget functions that have no jobs and no workers"
      ARGUMENTS = "FUNCTION..."

      def call(function, *others)
        act([function, *others]) do |client, name|
          look(client, name)
          client.drop_function(name, force: true).wait.tap { |task| explain(task, client) }
        end
      end

      private

      # What the server would say is no sentence; and of jobs gearmand says nothing.
      def look(client, name)
        found = client.server_status.value[name]
        problem = found ? obstacle(found) : "no such function: #{name}"
        raise Error, "#{problem} (#{client.server})" if problem
      end

      # Jobs or workers came meanwhile; and not every server gives up jobs by force.
      def explain(task, client)
        raise Error, "it still has jobs or workers (#{client.server})" if task.error.instance_of?(ServerError)
      end

      def obstacle(found)
        return "#{found.name} has workers (#{found.workers}): stop them first" if found.workers.positive?

        "#{found.name} has jobs (#{found.total}): --force drops it all the same" if found.total.positive? && !@force
      end

      def flags(parser)
        parser.on("--force", "also one with jobs: gearmand keeps these, and gives them to nobody") { @force = true }
        super
      end
    end
  end
end
