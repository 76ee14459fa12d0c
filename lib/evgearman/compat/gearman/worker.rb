# frozen_string_literal: true

module Gearman
  # Does jobs of all its servers, one at a time. It connects when it first works.
  class Worker
    include Logging

    # What a block may be given for.
    EVENTS = %i[connect grab_job no_job job_assign work_complete work_fail work_exception].freeze

    # Packets that are told of.
    PACKETS = { grab_job_uniq: :grab_job, no_job: :no_job }.freeze
    private_constant :EVENTS, :PACKETS

    # @return [String] what the server's list of workers has
    attr_reader :client_id
    # @return [Numeric] seconds of silence after which a server is given up that was asked for something
    attr_reader :network_timeout_sec
    # @return [Numeric] nothing depends on it, here as in gearman-ruby
    attr_accessor :reconnect_sec
    # @return [Symbol] :preparing, :working, :waiting
    attr_reader :status
    # @return [Boolean] false: {#work} ends when there are no more jobs
    attr_reader :worker_enabled

    # @param job_servers [String, Array<String>, nil] "host:port"; nil: those of GEARMAN_SERVERS
    # @param opts [Hash] `client_id`, `network_timeout_sec`, `reconnect_sec`
    def initialize(job_servers = nil, opts = {})
      @client_id = opts[:client_id] || Array.new(30) { rand(97..122).chr }.join
      @network_timeout_sec = opts[:network_timeout_sec] || 10
      @reconnect_sec = opts[:reconnect_sec] || 30
      @worker_enabled = true
      @status = :preparing
      @abilities = {}
      @blocks = {}
      @asleep = []
      @loop = EVGearman::Loop.new
      @worker = worker(Servers.addresses(job_servers))
    end

    # @param name [String] 1 to 63 printable characters
    def client_id=(name)
      @worker.set_client_id(name)
      @client_id = name
    end

    # @param seconds [Numeric]
    def network_timeout_sec=(seconds)
      @worker.command_timeout = seconds
      @network_timeout_sec = seconds
    end

    # From any thread, and from a handler.
    #
    # @param enabled [Boolean]
    def worker_enabled=(enabled)
      @worker_enabled = enabled
      @loop.post { end_if_over }
    end

    # Registers a handler. What it answers is the result, by its `to_s`; nil or false fails the job, and an exception fails
    # it with its message.
    #
    # @param func_name [String]
    # @param timeout [Numeric, nil] seconds, after which the job fails
    # @yield [data, job] the workload, and a {Job}
    def add_ability(func_name, timeout = nil, &block)
      ability = @abilities[func_name.to_s] = Ability.new(func_name.to_s, timeout, block)
      @worker.register_function(ability.func_name, timeout: timeout) { |job| perform(ability, job) }
    end

    # Is called when a job of that function ended well.
    #
    # @param func [String] that there is a handler for
    # @yield [result, data]
    def after_ability(func, &block)
      @abilities.fetch(func.to_s).after = block
    end

    # @param func [String]
    def remove_ability(func)
      @abilities.delete(func.to_s)
      @worker.unregister_function(func.to_s)
    end

    # @!method on_connect
    #   @yield when a connection was made
    # @!method on_grab_job
    #   @yield when a job was asked for
    # @!method on_no_job
    #   @yield when there was none
    # @!method on_job_assign
    #   @yield before a job is done
    # @!method on_work_complete
    #   @yield when one ended well
    # @!method on_work_fail
    #   @yield when one failed
    # @!method on_work_exception
    #   @yield when one ended by an exception
    EVENTS.each do |event|
      define_method(:"on_#{event}") do |&block|
        @blocks[event] = block
        listen_to_packets if PACKETS.value?(event)
      end
    end

    # Does jobs, and waits for more; until there are none and {#worker_enabled} is false.
    #
    # @return [false]
    def work
      @status = :preparing
      @exception = nil
      @asleep.clear
      @worker.work { asleep }
      @loop.post { end_if_over }
      EVGearman::Deputy.during(@loop, method(:left_by)) { @loop.run }
      raise @exception if @exception

      false
    ensure
      @worker.work_stop
    end

    private

    def worker(servers)
      EVGearman::Worker.new(servers: servers, loop: @loop, client_id: client_id, command_timeout: network_timeout_sec,
                            on_connect: -> { tell(:connect) }, on_error: method(:failed), on_callback_error: method(:raised))
    end

    def failed(error)
      logger.error(error.message)
      @loop.post { end_if_over }
    end

    def raised(error, where) = logger.error("#{where} raised #{error.class}: #{error.message}")

    # By the deputy, who keeps time while a handler runs: a block on its thread raised.
    def left_by(exception)
      @exception = exception
      @loop.stop
    end

    def listen_to_packets
      @worker.on_packet { |_, name| PACKETS[name]&.then { |event| tell(event) } }
    end

    def perform(ability, job)
      @status = :working
      @asleep.clear
      tell(:job_assign)
      tell(ability.run(job) ? :work_complete : :work_fail)
      nil
    rescue StandardError
      tell(:work_exception)
      raise
    end

    # Those that are there have no jobs.
    def asleep
      @status = :waiting
      @asleep = @worker.servers.select { |server| @worker.at(server).connected? }
      end_if_over
    end

    def end_if_over
      @loop.stop if !worker_enabled && @worker.servers.all? { |server| jobless?(server) }
    end

    # Servers that are away have no jobs.
    def jobless?(server) = @asleep.include?(server) || @worker.at(server).state == :waiting || @abilities.empty?

    def tell(event)
      @blocks[event]&.call
    rescue StandardError => e
      logger.error("#{event} failed: #{e.inspect}")
    end
  end
end
