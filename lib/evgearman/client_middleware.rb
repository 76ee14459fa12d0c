# frozen_string_literal: true

require_relative "middleware"

module EVGearman
  # What a client is about to submit, for {EVGearman.client_middleware}: one job, or those of a {Client#submit_jobs_bg}.
  class Submission
    # One of them. What is assigned is what is submitted.
    Job = Struct.new(:function, :workload, :unique)

    # @return [Client]
    attr_reader :client

    # @return [Symbol] `:submit_job`, `:submit_job_high_bg` … as of {Protocol::COMMANDS}, or `:submit_jobs_bg`
    attr_reader :command

    # @return [Array<Job>]
    attr_reader :jobs

    # @api private
    def initialize(client, command, jobs)
      @client = client
      @command = command
      @jobs = jobs.freeze
      freeze
    end

    # @return [Job] the first, of most the only one
    def job = jobs.first
  end

  # In front of {Client}: each submission goes through {EVGearman.client_middleware}.
  #
  # @api private
  module ClientMiddleware
    BULK = [:default, :submit_job_bg, nil, :default].freeze # what a job of a batch has that says no more
    private_constant :BULK

    private

    def _submit(function, workload, unique, command, *rest, &block)
      _around(command, function, workload, unique) { |job| super(*job, command, *rest, &block) }
    end

    def _submit_bg(function, workload, unique, command, *rest, &block)
      _around(command, function, workload, unique) { |job| super(*job, command, *rest, &block) }
    end

    def _submit_all(rows, *rest, &block)
      chain = EVGearman.client_middleware
      return super if chain.to_a.empty? || rows.any? { |row| !row.is_a?(Array) || row.empty? } # which it refuses

      jobs = rows.map { |function, workload = "", unique = :default, *| Submission::Job.new(function, workload, unique) }
      chain.call(Submission.new(self, :submit_jobs_bg, jobs)) do
        super(jobs.zip(rows).map { |job, row| [*job, *(row.size > 2 ? row : [nil, nil, *BULK]).drop(3)] }, *rest, &block)
      end
    end

    def _around(command, *words)
      chain = EVGearman.client_middleware
      return yield(words) if chain.to_a.empty?

      job = Submission::Job.new(*words)
      chain.call(Submission.new(self, command, [job])) { yield(job) }
    end

    Client.prepend(self)
  end

  @client_middleware = Middleware.new

  class << self
    # What is around each submission of every client of the process: `require "evgearman/client_middleware"`. One is called
    # with a {Submission}, and has to return what it yields, which is the {Task}:
    #
    #     EVGearman.client_middleware.use(->(submission, &submit) { submission.jobs.each { … } and submit.call })
    #
    # @return [Middleware]
    attr_reader :client_middleware
  end
end
