# frozen_string_literal: true

module EVGearman
  # What {EVGearman.client} is made with: every option of {Client#initialize} by its name, and {#logger}. What is not set
  # is as it is there.
  class Configuration
    DEFAULTS = Connection::DEFAULTS.merge(unique: :auto).freeze
    private_constant :DEFAULTS

    # The names of the options.
    OPTIONS = (%i[host port path url loop client_id coder encoding] + DEFAULTS.keys + Connection::HOOKS).freeze

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

  @configuration = Configuration.new.freeze
  @lock = Thread::Mutex.new
  @callback_errors = Repeats.new

  class << self
    # What {EVGearman.client} is made with. Frozen: {EVGearman.configure} changes it.
    #
    # @return [Configuration]
    attr_reader :configuration

    # Sets what {EVGearman.client} is made with; what was set before and is not set now stays. The next use of
    # {EVGearman.client} makes a new one. The old one is closed if it is idle; else whoever holds it may go on using it.
    #
    #     EVGearman.configure do |c|
    #       c.url = "gearman://jobs.example:4730"
    #       c.logger = Rails.logger
    #     end
    #
    # @yield [configuration] options that do not exist raise NoMethodError; then, as whenever this raises, nothing is
    #   changed
    # @yieldparam configuration [Configuration]
    # @return [Configuration]
    # @raise [ArgumentError, TypeError] for an option that no client could be made with
    def configure
      changed = configuration.dup
      yield changed
      changed.check
      old = locked do
        @configuration = changed.freeze
        shared_client.tap { @shared = nil }
      end
      old.close(0) if old && old.pending_count + old.waiting_count + old.active_count == 0
      changed
    end

    # The client of this process: made at the first use, again after {EVGearman.configure} and once it was closed, and
    # in a forked child its own. From any thread, and in a trap handler.
    #
    # @return [Client]
    # @raise [ArgumentError] for what was configured wrongly
    def client
      shared_client || locked { shared_client || share_client }
    end

    # Runs a job by {EVGearman.client}, and waits.
    # @see Client#call
    def call(...) = client.call(...)

    # Queues a background job by {EVGearman.client}, and waits until the server has it.
    # @see Client#enqueue
    def enqueue(...) = client.enqueue(...)

    # Where the errors of blocks go that have no client with an `on_callback_error`.
    # @api private
    def _warn_callback_error(error, where)
      place = " (#{error.backtrace.first})" if error.backtrace
      what = "raised #{error.class}: #{Words.one_line(error.message)}#{place}"
      line = "evgearman: #{Words.one_line(where)} #{what}"
      handle = where.b[/\Ajob .* (.+)\z/m, 1]
      quiet = @callback_errors.untold(handle ? line.b.gsub(handle, "") : line.b) or return # of whichever job
      _report(:error, quiet.zero? ? line : "#{line}; #{quiet} times more since that was last told")
    end

    # To the logger, or to stderr. Raises nothing: there would be nobody to report that to.
    # @api private
    def _report(severity, message)
      logger = configuration.logger
      logger ? logger.public_send(severity, message) : warn(message)
    rescue StandardError => e
      warn("#{message}; the logger raised #{e.class}")
    end

    private

    # In a trap handler Ruby does not let anybody wait for a lock; one that is free may be taken.
    def locked(&block)
      free = @lock.try_lock
      free ? yield : @lock.synchronize(&block)
    ensure
      @lock.unlock if free
    end

    # One Array, since two variables could belong to different clients for a moment.
    def shared_client
      pid, client = @shared
      client if pid == Process.pid && !client.closed?
    end

    def share_client
      client = Client.new(**configuration.to_h)
      @shared = [Process.pid, client].freeze
      client
    end
  end
end
