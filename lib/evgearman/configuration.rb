# frozen_string_literal: true

module EVGearman
  # What {EVGearman.client} is made with: every option of {Client#initialize} by its name, and {#logger}. What is not set
  # is as it is there.
  class Configuration
    DEFAULTS = Connection::DEFAULTS.merge(unique: :auto).freeze
    private_constant :DEFAULTS

    # The names of the options.
    OPTIONS = (%i[servers route host port path url tls loop client_id coder encoding] + DEFAULTS.keys + Connection::HOOKS).freeze

    OPTIONS.each do |name|
      define_method(name) { @options.fetch(name) { DEFAULTS[name] } }
      define_method(:"#{name}=") { |value| @options[name] = value }
    end

    # Where what nobody has a hook for is reported: connections that fail (by `warn`), blocks that raise (by `error`).
    #
    # @return [#warn, #error, nil] nil: stderr
    attr_reader :logger

    # @api private
    def initialize
      @options = {}
    end

    # Sets it.
    #
    # @param logger [#warn, #error, nil]
    # @raise [ArgumentError] for what is no logger
    def logger=(logger)
      unless logger.nil? || (logger.respond_to?(:warn) && logger.respond_to?(:error))
        EVGearman._blame("logger must answer warn and error, unlike #{logger.inspect}")
      end

      @logger = logger
    end

    # @return [Hash{Symbol => Object}] the options that are set
    def to_h = @options.dup

    # Makes a client with it, on a loop that nobody turns.
    #
    # @return [self]
    # @raise [ArgumentError, TypeError]
    # @api private
    def check
      given = @options[:loop]
      EVGearman._blame("loop must be a Loop, not #{given.inspect}", TypeError) unless given.nil? || given.is_a?(Loop)

      loop = Loop.new
      Client.new(**@options, loop: loop)
      self
    ensure
      loop&.close
    end

    # @return [String]
    def inspect = "#<#{self.class} #{@options.keys.join(" ")}>"

    private

    def initialize_copy(other)
      super
      @options = other.to_h
    end
  end
end
