# frozen_string_literal: true

module EVGearman
  module ActiveJob
    # Three levels of an Active Job's priority, of which a smaller one is more urgent: none and 0 are normal.
    PRIORITIES = lambda do |priority|
      next :normal if priority.nil? || priority.zero?

      priority.negative? ? :high : :low
    end

    # What the adapter and the {Performer} are told. Frozen; any thread may use it.
    #
    # `servers:` is an address as in `url:` of {Connection#initialize}, several with commas between, or an Array of them;
    # `tls:` and `client_options:` (a Hash) are those of {Connection#initialize}. With none of these three the client is
    # {EVGearman.client}.
    #
    # - `prefix:` before a queue's name makes the name of its function.
    # - `priority_map:` makes `:high`, `:normal` or `:low` of a job's priority: a callable, or a Hash (what it has not is
    #   normal). Delayed jobs are always normal.
    # - `max_payload:` bytes of a serialized job, `max_nesting:` levels of its Arrays and Hashes: what is beyond is neither
    #   sent nor performed.
    # - `raise_enqueue_error:` true: `perform_later` raises the {EVGearman::Error}; false: it answers false, and the job's
    #   `enqueue_error` tells.
    # - `on_unhandled_error:` of a job that raised what nothing in it rescues, or is none: `:fail` fails it and lets its
    #   worker hear of it ({Connection#on_callback_error}); a callable is told instead, with the error and the {Job}, which
    #   fails if it was not answered then.
    class Options
      # What is not said.
      DEFAULTS = {
        servers: nil, tls: nil, client_options: {}.freeze, prefix: "active_job.", priority_map: PRIORITIES,
        max_payload: 1024 * 1024, max_nesting: 100, raise_enqueue_error: true, on_unhandled_error: :fail
      }.freeze

      # @!attribute [r] prefix
      #   @return [String]
      # @!attribute [r] max_payload
      #   @return [Integer] bytes
      # @!attribute [r] max_nesting
      #   @return [Integer] levels
      # @!attribute [r] on_unhandled_error
      #   @return [:fail, #call]
      # @!attribute [r] raise_enqueue_error
      #   @return [Boolean]
      %i[prefix max_payload max_nesting on_unhandled_error raise_enqueue_error].each do |name|
        define_method(name) { @said[name] }
      end

      # @param said [Hash] what is not as in {DEFAULTS}
      # @raise [ArgumentError]
      def initialize(**said)
        unknown = said.keys - DEFAULTS.keys
        EVGearman._blame("unknown option: #{unknown.join(", ")}") unless unknown.empty?

        @said = DEFAULTS.merge(said).freeze
        check
        freeze
      end

      # The same, but for these.
      #
      # @param said [Hash]
      # @return [Options]
      # @raise [ArgumentError]
      def with(**said) = said.empty? ? self : self.class.new(**@said, **said)

      # What {Connection#initialize} is to be told.
      #
      # @return [Hash]
      def connection
        options = @said[:client_options].dup
        options[:tls] = @said[:tls] unless @said[:tls].nil?
        one, *others = addresses
        options.merge(others.empty? ? { url: one }.compact : { servers: addresses })
      end

      # The function of a queue.
      #
      # @param queue [String, Symbol]
      # @return [String]
      def function(queue) = "#{prefix}#{queue}"

      # Of a job, by its own.
      #
      # @param number [Integer, nil]
      # @return [Symbol]
      # @raise [ArgumentError] when `priority_map` answers anything else
      def priority(number)
        map = @said[:priority_map]
        level = map.respond_to?(:call) ? map.call(number) : map.fetch(number, :normal)
        return level if %i[high normal low].include?(level)

        raise ArgumentError, "priority_map must answer :high, :normal or :low, not #{level.inspect}"
      end

      # @return [String] without values: there may be secrets among them
      def inspect = "#<#{self.class}>"

      private

      def addresses = Array(@said[:servers]).flat_map { |address| address.to_s.split(",") }.map(&:strip)

      def check
        map, policy = @said.values_at(:priority_map, :on_unhandled_error)
        must("priority_map", "a Hash or answer `call`") { map.is_a?(Hash) || map.respond_to?(:call) }
        must("on_unhandled_error", ":fail or answer `call`") { policy == :fail || policy.respond_to?(:call) }
        must("prefix", "a String") { prefix.is_a?(String) }
        must("client_options", "a Hash") { @said[:client_options].is_a?(Hash) }
        %i[max_payload max_nesting].each do |name|
          must(name, "a whole number above 0") { @said[name].is_a?(Integer) && @said[name].positive? }
        end
      end

      def must(name, what)
        EVGearman._blame("#{name} must be #{what}, not #{@said[name.to_sym].inspect}") unless yield
      end
    end
  end
end
