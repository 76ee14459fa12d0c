# frozen_string_literal: true

module Gearman
  # Tasks that are run one after the other, the one that was added last first.
  class TaskSet
    include Logging

    # @param client [Client]
    def initialize(client)
      @client = client
      @tasks = []
      @finished = []
    end

    # @param task [Task] is submitted by {#wait}
    # @return [true]
    def add_task(task)
      @tasks << task
      true
    end

    # Submits all of them, and waits for each.
    #
    # @param timeout [Numeric, nil] seconds for all together; nil: any time
    # @return [Boolean] did all that were ever waited for end well, in time? The server's having it is the end of one in
    #   the background
    # @raise (see Client#submit_job)
    def wait(timeout = 1)
      until_at = timeout && (now + timeout)
      while (task = @tasks.pop)
        @client.submit_job(task, true, until_at && [until_at - now, 0].max)
        @finished << task
      end
      well?
    rescue SocketTimeoutError
      false
    end

    # Submits all of them, and waits for each, for any time.
    #
    # @return [Boolean] (see #wait)
    # @raise (see Client#submit_job)
    def wait_forever = wait(nil)

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def well?
      well = @finished.all? { |task| task.successful || task.background? }
      logger.warn("GearmanRuby: TaskSet failed") unless well
      well
    end
  end
end
