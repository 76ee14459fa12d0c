# frozen_string_literal: true

module Gearman
  # One run of a Task at one server.
  #
  # @api private
  class Submission
    LISTENERS = { on_data: :handle_data, on_warning: :handle_warning, on_status: :handle_status }.freeze

    # @param client [EVGearman::Client]
    # @param task [Task]
    def initialize(client, task)
      @client = client
      @task = task
    end

    # Submits it, and waits for its result, or for its handle if it is in the background.
    #
    # @param timeout [Numeric, nil] seconds
    # @raise [EVGearman::Error, StandardError] the second: what a block of the Task raised
    def value(timeout)
      @submitted = submit
      @submitted.on_created(&forward(:handle_created)) unless @task.background?
      @submitted.value(timeout).tap { raise @raised if @raised }
    rescue EVGearman::Error
      raise @raised || $!
    ensure
      @submitted&.abandon
    end

    private

    def submit
      return @client.submit_job_epoch(*job, @task.epoch.to_i, unique: key) if @task.epoch

      listeners = @task.background? ? {} : LISTENERS.transform_values { |name| forward(name) }
      @client.public_send(packet, *job, unique: key, **listeners)
    end

    def packet = ["submit_job", (@task.priority if priority?), ("bg" if @task.background?)].compact.join("_")
    def priority? = %i[high low].include?(@task.priority)
    def job = [@task.func, @task.arg.to_s]
    def key = @task.get_uniq_hash

    # What a block raises ends the wait: it is nobody else's.
    def forward(name)
      lambda do |*args|
        @task.public_send(name, *args)
      rescue StandardError => e
        @raised ||= e
        @submitted&.abandon
      end
    end
  end
end
