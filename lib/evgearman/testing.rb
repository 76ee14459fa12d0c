# frozen_string_literal: true

require "evgearman"
require_relative "testing/submission"
require_relative "testing/store"
require_relative "testing/by_hand"
require_relative "testing/admin_answers"
require_relative "testing/fake_client"
require_relative "testing/performer"
require_relative "testing/handlers"

module EVGearman
  # For the tests of programs that use the gem: jobs without a job server. Never loaded by `require "evgearman"`.
  #
  #     require "evgearman/testing"
  #
  #     EVGearman::Testing.fake!                       # jobs are kept in memory
  #     EVGearman.enqueue("mail", "to you")            # => "F:1"
  #     EVGearman::Testing.jobs.first.workload         # => "to you"
  #     EVGearman::Testing.drain                       # runs them, by the handlers of this process
  #
  #     EVGearman::Testing.inline!                     # jobs are run at once, where they are submitted
  #     EVGearman.call("reverse", "hello")             # => "olleh"
  #
  # Three modes: {fake!}, {inline!} and {disable!}, which is how it begins. Each is for the whole process, or with a block
  # for that block: for the thread, and the fiber, that it runs on. Threads that it makes are in the mode of the process.
  #
  # ## What is faked
  #
  # Every {Client}, that of the process and those of workers too: its submissions of every kind, `echo`, `ping`, `flush`,
  # `option`, `get_status`, `get_status_unique` and the questions to the server. Nothing is sent, a client that is made while
  # a mode is on makes no connection, {Connection#connected?} is true. What is wrong about a request is refused as ever;
  # Tasks, their blocks, coders, made keys are the real ones: blocks run when somebody waits or turns the loop, never inside
  # of the submission.
  #
  # - `get_status` of a job that is kept tells that it is known, and while a handler is at it that it is running and
  #   how far; of others that it is not known.
  # - `server_status`, `priority_status`, `jobs`, `unique_jobs` tell what is kept, `server_workers` of none; `cancel_job`
  #   forgets one that is kept. Other questions fail with {UnsupportedCommandError}.
  # - A submission with the unique key of a job of its function that is kept, or being run, is the same job: it has that
  #   one's handle, as a server would have it.
  # - A {Worker} is not faked: `run`, `work` and `grab_job` talk to a server.
  #
  # ## Handlers
  #
  # They are those of {register}, and those that {Worker#register_function} was given, by any Worker that lives: of
  # several for one function the last one. The handler is called by whoever submits or drains, with a {Job} of its own. What
  # a Worker would do about threads, `timeout:` and `server_timeout:` is not done. A Worker that registers while a mode is on
  # is kept until it is closed.
  module Testing
    KEY = :evgearman_testing
    private_constant :KEY

    @store = Store.new
    @mode = :disabled

    class << self
      # Jobs are kept in memory. A background job, delayed or not, is in {jobs}, and its submission resolves with a handle
      # "F:1", "F:2" …; a foreground job fails with an {Error} that names {inline!}.
      #
      # @yield with a block it is so inside of it, for this thread and fiber
      # @return [Object] what the block answers
      # @return [self] without one
      def fake!(&block) = switch(:fake, &block)

      # Jobs are run at once, where they are submitted and before that returns, delayed ones too. What a handler says reaches
      # the Task as ever. A foreground job that nobody here can run fails with an {Error} that names {register}; a background
      # job is kept in {jobs}.
      #
      # What the handler of a background job raises nobody would hear of, so it is raised where that was submitted.
      #
      # @yield with a block it is so inside of it, for this thread and fiber
      # @return [Object] what the block answers
      # @return [self] without one
      def inline!(&block) = switch(:inline, &block)

      # Everything is as if this had not been loaded.
      #
      # @yield with a block it is so inside of it, for this thread and fiber
      # @return [Object] what the block answers
      # @return [self] without one
      def disable!(&block) = switch(:disabled, &block)

      # What holds here, on this thread and fiber.
      #
      # @return [Symbol] `:fake`, `:inline` or `:disabled`
      def mode = Thread.current[KEY] || @mode

      # @return [Boolean] is it {fake!} that holds here?
      def fake? = mode == :fake

      # @return [Boolean] is it {inline!} that holds here?
      def inline? = mode == :inline

      # @return [Boolean] is it {disable!} that holds here?
      def disabled? = mode == :disabled

      # A handler for {inline!} and {drain}; it goes before those of workers. Again: replaces.
      #
      # @param function [String]
      # @param callable [#call] instead of the block
      # @param options [Hash] `async:`, `coder:`, `encoding:` as of {Worker#register_function}
      # @yield [job]
      # @return [self]
      # @raise [ArgumentError, TypeError] as {Worker#register_function}
      def register(function, callable = nil, **options, &block)
        Handlers.own.register_function(function, callable, **options, &block)
        self
      end

      # Takes it back: one, or all of them.
      #
      # @param function [String, nil]
      # @return [self]
      def unregister(function = nil)
        function ? Handlers.own.cant_do(function) : Handlers.own.reset_abilities
        self
      end

      # Background jobs that were submitted and not run, in that order.
      #
      # @param function [String, nil] only those of it
      # @return [Array<Submission>]
      def jobs(function = nil) = of(function, @store.waiting)

      # Whatever was submitted since {clear}, in that order: foreground jobs too, those that were run, those that were
      # refused for being foreground jobs, and those that joined another by their key.
      #
      # @param function [String, nil] only those of it
      # @return [Array<Submission>]
      def submissions(function = nil) = of(function, @store.submissions)

      # Runs the jobs that a handler here can run, also those that these submit, until there are no more: those that are not
      # delayed first, by priority, then the others, by their time. What handlers submit is kept or run at once, as holds
      # here; under {disable!} it is kept.
      #
      # What a handler raises is raised when its job is over; the other jobs stay.
      #
      # @param function [String, nil] only those of it
      # @param at [Time, Numeric, nil] as if it were that time: jobs that are delayed beyond it stay. nil: all are run, so
      #   one that submits itself for later is run for ever
      # @return [Integer] jobs that were run
      def drain(function = nil, at: nil)
        limit = at && UnixTime.ceil(at)
        mode = disabled? ? :fake : self.mode
        count = 0
        switch(mode) { count += 1 while run_one(function, limit) }
        count
      end

      # Forgets all jobs and {submissions}; handlers stay.
      #
      # @return [self]
      def clear
        @store.clear
        self
      end

      # Runs a job server for the block, and nothing is faked on its thread and fiber: for tests of a client, a worker and
      # what is between them.
      #
      # @param options [Hash] of {Server#initialize}
      # @yieldparam url [String] for `Client.new(url: url)` and `Worker.new(url: url)`
      # @yieldparam server [Server] which can be paused, killed, told to be wrong …
      # @return [Object] what the block answers
      # @raise [ArgumentError, TypeError] as {Server#initialize}
      def server(**options)
        server = Server.new(**options).start
        disable! { yield(server.url, server) }
      ensure
        server&.stop
      end

      # @api private
      attr_reader :store

      private

      def switch(mode, &block)
        return hold(mode, &block) if block

        @mode = mode
        self
      end

      def hold(mode)
        before = Thread.current[KEY]
        Thread.current[KEY] = mode
        yield
      ensure
        Thread.current[KEY] = before
      end

      def of(function, submissions)
        function ? submissions.select { |submission| submission.function == function } : submissions
      end

      def run_one(function, limit)
        submission = @store.take do |waiting|
          (function.nil? || waiting.function == function) && waiting.due?(limit) && Handlers.for(waiting.function)
        end
        Performer.perform(submission) if submission
        submission
      end
    end
  end
end

require_relative "testing/seams"
