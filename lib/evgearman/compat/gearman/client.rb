# frozen_string_literal: true

module Gearman
  # Submits Tasks, to one server after the other. It connects when it is first used.
  class Client
    include Logging

    # @return [Numeric] seconds of silence after which a server is given up that has not taken a job
    attr_accessor :task_create_timeout_sec

    # @param job_servers [String, Array<String>, nil] "host:port"; nil: those of GEARMAN_SERVERS
    def initialize(job_servers = nil)
      @task_create_timeout_sec = 10
      loop = EVGearman::Loop.new
      @servers = Servers.new(job_servers) do |url|
        EVGearman::Client.new(url: url, loop: loop, reconnect: false, on_error: ->(error) { logger.debug(error.message) })
      end
    end

    # Asks all servers for an option. They are asked for "exceptions" anyhow.
    #
    # @param opts [String]
    # @raise [ProtocolError] for one that there is not
    # @raise [NetworkError]
    def set_options(opts)
      @servers.each { |client| translated { client.option(opts).value } }
    end

    # Runs a Task. Its `on_complete` and `on_fail` are replaced.
    #
    # @param task [Task]
    # @return [String, nil] its result; nil when it failed, and of one in the background
    # @raise (see #submit_job)
    def do_task(task)
      result = nil
      task.on_complete { |value| result = value }
      task.on_fail { result = nil }
      tasks = TaskSet.new(self)
      tasks.add_task(task)
      tasks.wait_forever
      result
    end

    # Runs a Task, as often as its `retry_count` allows, and calls its blocks. Returns when it has ended, or the server has
    # it if it is in the background.
    #
    # @param task [Task]
    # @param reset_state [Boolean] do its retries begin anew?
    # @param timeout [Numeric, nil] seconds
    # @return [true]
    # @raise [SocketTimeoutError] when it takes longer
    # @raise [NoJobServersError] when no server can be reached
    # @raise [NetworkError] when a connection ended
    # @raise [ProtocolError] when the server did not take it
    def submit_job(task, reset_state = false, timeout = nil)
      task.reset_state if reset_state
      until_at = timeout && (now + timeout)
      nil until translated { over?(task, until_at && [until_at - now, 0].max) }
      true
    end

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    # Runs it once: is it over, or to be submitted again?
    def over?(task, timeout)
      value = @servers.next { |client| run(client, task, timeout) }
      task.background? ? task.handle_created(value) : task.handle_completion(value)
    rescue EVGearman::JobFailedError
      !task.handle_failure
    rescue EVGearman::JobExceptionError => e
      task.handle_exception(e.data)
    end

    def run(client, task, timeout)
      client.command_timeout = task_create_timeout_sec
      Submission.new(client, task).value(timeout)
    end

    def translated
      yield
    rescue EVGearman::TimeoutError => e
      raise SocketTimeoutError, e.message
    rescue EVGearman::ServerError, EVGearman::ProtocolError => e
      raise ProtocolError, e.message
    rescue EVGearman::Error => e
      raise NetworkError, e.message
    end
  end
end
