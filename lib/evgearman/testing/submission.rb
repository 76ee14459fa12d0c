# frozen_string_literal: true

module EVGearman
  module Testing
    # A job that was submitted to nobody. Frozen.
    #
    #     case EVGearman::Testing.jobs
    #     in [{ function: "mail", background: true, at: nil }, *] then …
    #     end
    class Submission
      # @return [String] "F:1"; of one that joined another by its key that one's
      attr_reader :handle

      # @return [String]
      attr_reader :function

      # The bytes that a worker would have, UTF-8 if they are valid as that, else BINARY. See {#value}.
      #
      # @return [String]
      attr_reader :workload

      # @return [String, nil] its key, also one that was made; "-": the workload is
      attr_reader :unique

      # @return [Symbol] `:normal`, `:high` or `:low`
      attr_reader :priority

      # @return [Time, nil] of a delayed job, in whole seconds
      attr_reader :at

      # @return [Client] that was asked for it
      attr_reader :client

      # @api private
      attr_reader :number

      # @api private
      def initialize(handle:, number:, function:, workload:, unique:, priority:, at:, background:, client:, coder:)
        @handle, @number, @function, @priority = handle, number, function.freeze, priority
        @workload = readable(workload)
        @unique = unique.freeze unless unique.empty?
        @at = Time.at(at).freeze if at
        @background, @client, @coder = background, client, coder
        freeze
      end

      # Is nothing but its handle heard of it?
      #
      # @return [Boolean]
      def background? = @background

      # Is its result waited for?
      #
      # @return [Boolean]
      def foreground? = !@background

      # What the coder it was submitted with makes of the workload.
      #
      # @return [Object] without a coder the workload
      def value = @coder ? @coder.load(workload) : workload

      # Would this have been submitted as that workload?
      #
      # @api private
      def carries?(given)
        return true if given.is_a?(String) && given.b == workload.b

        !@coder.nil? && @coder.load(@coder.dump(given)) == value
      rescue StandardError # of a coder for which that is no value
        false
      end

      # What a server tells jobs apart by; nil: nothing.
      #
      # @api private
      def key
        key = unique == "-" ? workload.b : unique
        [function, key, unique == "-"] if key && !key.empty?
      end

      # @api private
      def due?(seconds) = seconds.nil? || at.nil? || at.to_i <= seconds

      # By name: handle, function, workload, unique, priority, at, background.
      #
      # @return [Hash{Symbol => Object}]
      def to_h
        { handle: handle, function: function, workload: workload, unique: unique, priority: priority, at: at,
          background: background? }
      end

      # For pattern matching by name.
      #
      # @param names [Array<Symbol>, nil] which of them; nil: all
      # @return [Hash{Symbol => Object}]
      def deconstruct_keys(names) = names ? to_h.slice(*names) : to_h

      # @return [String] for people to read, with the beginning of the workload
      def inspect = "#<#{self.class} #{self}>"

      # @return [String] the same without what it is
      def to_s
        text = workload.inspect
        about = [(background? ? "background" : "foreground"), (priority unless priority == :normal),
                 ("at #{at}" if at), ("key #{unique.inspect}" if unique)]
        "#{function.inspect} with #{text.size > 200 ? "#{text[0, 200]}…" : text} (#{about.compact.join(", ")}) #{handle}"
      end

      private

      def readable(bytes)
        text = bytes.dup.force_encoding(Encoding::UTF_8)
        (text.valid_encoding? ? text : bytes).freeze
      end
    end
  end
end
