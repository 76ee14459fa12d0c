# frozen_string_literal: true

# The client of the process, and what it is made with.
module EVGearman
  @configuration = Configuration.new.freeze
  @lock = Thread::Mutex.new

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
