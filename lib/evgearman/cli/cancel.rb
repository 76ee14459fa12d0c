# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman cancel`
    class Cancel < Query
      SUMMARY = "Takes back jobs that wait; of one that runs nobody hears any more"
      ARGUMENTS = "HANDLE..."

      def call(handle, *others)
        refuse("a job is of one server: name that one with --servers") if fleet.several?

        act([handle, *others]) { |client, name| client.cancel_job(name).wait.tap { |task| explain(task, client) } }
      end

      private

      # "UNKNOWN_JOB" is no sentence.
      def explain(task, client)
        raise Error, "no such job: it has ended, or never was (#{client.server})" if task.error.is_a?(JobNotFoundError)
      end
    end
  end
end
