# frozen_string_literal: true

require_relative "support/query"

module EVGearman
  module CLI
    # `evgearman maxqueue`
    class Maxqueue < Query
      SUMMARY = "How many jobs a function may have, running ones included; without a size as many as one likes"
      ARGUMENTS = "FUNCTION [SIZE]"

      def call(function, size = nil)
        refuse("give either SIZE or --high, --normal and --low") if size && @sizes
        size = whole(size)
        act([function]) do |client, name|
          make_known(client, name)
          client.maxqueue(name, size, **@sizes.to_h)
        end
      end

      private

      def flags(parser)
        %i[high normal low].each do |name|
          parser.on("--#{name} N", Integer, "for jobs of #{name} priority") { |size| (@sizes ||= {})[name] = size }
        end
        parser.on("--create", "also where nobody has heard of the function") { @create = true }
        super
      end

      def whole(text)
        text && Integer(text, 10)
      rescue ArgumentError
        refuse("SIZE must be a whole number, not #{text}")
      end

      # Of a function that it never heard of gearmand says yes, and forgets it.
      def make_known(client, name)
        return if client.server_status.value[name]
        raise Error, "no such function: #{name} (#{client.server}); --create makes it" unless @create

        client.create_function(name).value
      end
    end
  end
end
