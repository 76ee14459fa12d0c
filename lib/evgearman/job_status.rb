# frozen_string_literal: true

module EVGearman
  # What a server knows of a job, from STATUS_RES or STATUS_RES_UNIQUE. Frozen; a value, equal to one that says the same.
  #
  #     case client.get_status(handle).value
  #     in { known: false } then puts "done, or never heard of"
  #     in { running: true, ratio: Float => ratio } then puts "at #{(ratio * 100).round} %"
  #     in { running: } then puts(running ? "running" : "waiting")
  #     end
  class JobStatus
    # @return [String, nil] nil from {Client#get_status_unique}
    attr_reader :handle

    # @return [String, nil] nil from {Client#get_status}
    attr_reader :unique

    # @return [Integer] the last progress that was reported
    attr_reader :numerator, :denominator

    # @return [Integer, nil] clients that wait for it; nil from {Client#get_status}
    attr_reader :client_count

    # @return [String, nil] the server that says so; nil when none of several knows it
    attr_reader :server

    # From the arguments of STATUS_RES, of one server or several.
    # @api private
    def self.of_handle(args, server = nil)
      return Several.known(args, server) { |*one| of_handle(*one) } if server.is_a?(Array)

      handle, *numbers = args
      new(handle, nil, *numbers, server: server)
    end

    # From the arguments of STATUS_RES_UNIQUE, of one server or several.
    # @api private
    def self.of_unique(args, server = nil)
      return Several.known(args, server) { |*one| of_unique(*one) } if server.is_a?(Array)

      unique, *numbers = args
      new(nil, unique, *numbers, server: server)
    end

    # @api private
    def initialize(handle, unique, known, running, numerator, denominator, client_count = nil, server: nil)
      @server = server&.freeze
      @handle = handle&.freeze
      @unique = unique&.freeze
      @known = known.to_i.positive?
      @running = running.to_i.positive?
      @numerator = numerator.to_i
      @denominator = denominator.to_i
      @client_count = client_count&.to_i
      freeze
    end

    # Does the server have it? Not once it has ended, nor when it never was.
    #
    # @return [Boolean]
    def known? = @known

    # Does a worker have it?
    #
    # @return [Boolean]
    def running? = @running

    # The progress that was reported last.
    #
    # @return [Float, nil] from 0 to 1; nil when there is none
    def ratio
      numerator.fdiv(denominator) unless denominator.zero?
    end

    # By name: handle, unique, known, running, numerator, denominator, client_count, ratio.
    #
    # @return [Hash{Symbol => Object}]
    def to_h
      { handle: handle, unique: unique, known: known?, running: running?, numerator: numerator,
        denominator: denominator, client_count: client_count, ratio: ratio }
    end

    # For pattern matching by name.
    #
    # @param names [Array<Symbol>, nil] which of them; nil: all
    # @return [Hash{Symbol => Object}]
    def deconstruct_keys(names) = names ? to_h.slice(*names) : to_h

    # For pattern matching by place.
    #
    # @return [Array]
    def deconstruct = to_h.values

    # Does it say the same?
    #
    # @param other [Object]
    # @return [Boolean]
    def ==(other) = other.is_a?(JobStatus) && to_h == other.to_h
    alias eql? ==

    # @return [Integer]
    def hash = to_h.hash

    # @return [String] for people to read
    def inspect
      "#<#{self.class} #{handle || unique} #{summary}>"
    end

    private

    def summary
      return "unknown" unless known?

      [running? ? "running" : "waiting", ("#{numerator}/#{denominator}" if ratio)].compact.join(" ")
    end
  end
end
