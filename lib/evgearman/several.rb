# frozen_string_literal: true

module EVGearman
  # What several servers answer to one question, as one answer.
  #
  # @api private
  module Several
    class << self
      # The bytes that each says back.
      def first(replies, _servers) = answers(replies).first

      # All of them, or what one of them has against it.
      def yes(replies, _servers) = answers(replies).all?

      # The same of what `convert` makes of each.
      def agreed(replies, servers, &convert)
        yes(answers(replies).map.with_index { |reply, place| convert.call(reply, servers[place]) }, servers)
      end

      # What those said who said something: who is away does not count, unless all are. One that refuses does.
      def answers(replies)
        errors, answers = replies.partition { |reply| reply.is_a?(Error) }
        refusal = errors.find { |error| error.is_a?(ServerError) } || (errors.first if answers.empty?)
        raise refusal if refusal

        answers
      end

      # By server: those that answered, and the errors of the rest.
      def sort(replies, servers)
        answers, errors = servers.zip(replies).partition { |_, reply| !reply.is_a?(Error) }.map(&:to_h)
        raise errors.values.first if answers.empty?

        [answers, errors]
      end

      # Of JobStatuses the one that is known.
      def known(replies, servers)
        answers, = sort(replies, servers)
        statuses = answers.map { |server, reply| yield(reply, server) }
        statuses.find(&:known?) || yield(answers.values.first, nil)
      end
    end

    # In front of {Admin::Requests}: what is about one server needs one.
    module Requests
      def admin(line, **options, &block) = alone(:admin) { super }
      def server_version(&block) = alone(:server_version) { super }
      def server_pid(&block) = alone(:server_pid) { super }
      def server_verbosity(&block) = alone(:server_verbosity) { super }
      def shutdown_server(**options, &block) = alone(:shutdown_server) { super }

      def cancel_job(handle, &block) = alone(:cancel_job) { super }

      private

      def alone(what)
        return yield if servers.size == 1

        EVGearman._blame("#{what} is for one of the servers: at(server).#{what}, of #{servers.join(", ")}")
      end

      # Yields a client for where it is, and its handle.
      def with_server_of(task)
        handle, server = task.handle, task.server
        EVGearman._blame("the task has no handle: it is #{task.state}") unless handle

        yield(servers.size == 1 ? self : at(server), handle)
      end
    end
  end
end
