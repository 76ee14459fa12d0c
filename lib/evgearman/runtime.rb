# frozen_string_literal: true

require "set"
require_relative "library"
require_relative "settings"
require_relative "middleware"
require_relative "runtime/registry"
require_relative "runtime/errors"
require_relative "runtime/application"
require_relative "runtime/log"
require_relative "runtime/inbox"
require_relative "runtime/ledger"
require_relative "runtime/tally"
require_relative "runtime/performance"
require_relative "runtime/functions"
require_relative "runtime/line"
require_relative "runtime/jobs_in_flight"
require_relative "runtime/workshop"
require_relative "runtime/deaths"
require_relative "runtime/child"
require_relative "runtime/slot"
require_relative "runtime/service_manager"
require_relative "runtime/board"
require_relative "runtime/supervisor"

module EVGearman
  # Workers in production: what `evgearman work` runs. A supervisor keeps so many processes with so many threads each
  # (`processes` and `concurrency` of {Settings}), and heeds signals.
  #
  # A file that it loads (`evgearman work -r handlers.rb`) says what there is to do:
  #
  #     EVGearman::Runtime.register("resize", timeout: 60) { |job| Image.resize(job.workload) }
  #
  #     EVGearman::Runtime.on(:fork) { Database.connect }
  #     EVGearman::Runtime.on_error { |error, context| Tracker.notify(error, context) }
  #     EVGearman::Runtime.middleware.use(Tagging)
  #
  # All of these hold for the whole process.
  class Runtime
    # When something is called that was given to {on}; all in each process that runs jobs:
    #
    # - `:fork`: it was forked from one that had loaded the application (`preload`), whose connections are not its own.
    # - `:startup`: the application is loaded; it is about to connect.
    # - `:quiet`, `:resume`: it asks for no more jobs, or again.
    # - `:shutdown`: it is to end; jobs are still running.
    # - `:exit`: its end.
    EVENTS = %i[fork startup quiet resume shutdown exit].freeze

    @registry = Registry.new

    class << self
      # @return [Registry]
      # @api private
      attr_reader :registry

      # Says who does a function.
      #
      # @param name [String]
      # @param callable [#call] instead of the block
      # @param options [Hash] of {Worker#register_function}: timeout, server_timeout, async, coder, encoding
      # @yield [job] on a thread of the worker's process
      # @return [self]
      # @raise [ArgumentError] without a handler or with two
      # @see Worker#register_function
      def register(name, callable = nil, **options, &block)
        EVGearman._blame("give a block or a callable, not both") if callable && block

        callable ||= block
        EVGearman._blame("a handler must be a block or answer `call`") unless callable.respond_to?(:call)

        registry.register(name, callable, options)
        self
      end

      # Says what is done at an event, beside what others said.
      #
      # @param event [Symbol] of {EVENTS}
      # @yield what it raises goes to {on_error}
      # @return [self]
      # @raise [ArgumentError]
      def on(event, &block)
        EVGearman._blame("there is no event #{event.inspect}: #{EVENTS.join(", ")}") unless EVENTS.include?(event)
        EVGearman._blame("a block is needed") unless block

        registry.hook(event, block)
        self
      end

      # Says who is told of errors, beside others: those that handlers raise, of jobs past their `timeout:`, and of
      # hooks. They are logged in any case.
      #
      # @yield [error, context]
      # @yieldparam error [Exception]
      # @yieldparam context [Hash{Symbol => Object}] `:function`, `:handle`, `:unique` of a job; `:where` for others
      # @return [self]
      # @raise [ArgumentError] without a block
      def on_error(&block)
        EVGearman._blame("a block is needed") unless block

        registry.error_handlers << block
        self
      end

      # What is around each job.
      #
      # @return [Middleware]
      def middleware = registry.middleware
    end

    # @return [Settings]
    attr_reader :settings

    # @param settings [Settings]
    # @raise [ArgumentError] for what is none
    def initialize(settings = Settings.load)
      EVGearman._blame("settings must be Settings, not #{settings.class}") unless settings.is_a?(Settings)

      @settings = settings
    end

    # Runs jobs on a thread of this process, which does other things, too: signals, processes and a probe are its own
    # affair.
    #
    # @return [self]
    # @raise [Failure] when there is nothing to do
    def start
      @workshop = Workshop.embedded(settings, prepare(Log.new(settings))).prepare
      @thread = OwnThread.start("evgearman runtime") { @workshop.run }
      self
    end

    # Ends what {start} began, and waits for that.
    #
    # @param timeout [Numeric] seconds for jobs that are running
    # @return [nil]
    def stop(timeout = settings[:timeout])
      @workshop&.stop(timeout)
      @thread&.join
      @workshop = @thread = nil
    end

    # Runs jobs until a signal ends it. On the main thread: it sets traps.
    #
    # @return [Integer] 0; 1 when the application does not load, or has nothing to do
    def run
      log = Log.new(settings)
      prepare(log)
      pidfile { settings[:processes].zero? ? Workshop.alone(settings, log).run : Supervisor.new(settings, log).run }
    rescue Failure => e
      log.error(e.message)
      1
    end

    private

    # What is said of servers is so for {EVGearman.client} of the handlers, too, unless the application configures that.
    def prepare(log)
      Runtime.registry.log = log
      EVGearman.configure do |c|
        settings.connection.each { |name, value| c.public_send(:"#{name}=", value) }
        c.logger ||= log.plain
      end
      log
    rescue ArgumentError, Error => e # an address that is none, files of `tls` that are not there
      raise Failure, e.message
    end

    def pidfile
      path = settings[:pidfile] or return yield
      ::File.write(path, "#{::Process.pid}\n")
      begin
        yield
      ensure
        ::File.delete(path) if ::File.exist?(path)
      end
    end
  end
end
