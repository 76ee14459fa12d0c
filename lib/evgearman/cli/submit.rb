# frozen_string_literal: true

require_relative "support/query"
require_relative "support/times"
require_relative "support/progress"

module EVGearman
  module CLI
    # `evgearman submit`
    class Submit < Query
      SUMMARY = "A job: its result is printed; in the background its handle"
      ARGUMENTS = "FUNCTION [WORKLOAD]"

      # Seconds between two looks at a job of which nothing is heard.
      TICK = 0.2
      private_constant :TICK

      def call(function, workload = nil)
        check
        input = read(workload)
        background? ? enqueue(reach, function, input) : perform(reach, function, input)
      end

      private

      def flags(parser)
        parser.on("-b", "--background", "do not wait for its end") { @background = true }
        parser.on("--high", "before those of normal priority") { @priority = :high }
        parser.on("--low", "behind them") { @priority = :low }
        parser.on("-u", "--unique KEY", "jobs of one key are one job; -: its workload is the key") { |key| @unique = key }
        parser.on("--at TIME", "not before: Unix seconds, 18:30, 2030-01-31T18:30") { |text| @at = Times.point(text) }
        parser.on("--in TIME", "not before that has passed: 90, 90s, 15m, 2h, 1d") { |text| @in = Times.span(text) }
        parser.on("--timeout TIME", "for its end; usually no limit") { |text| @limit = Times.span(text) }
        parser.on("--json", "print JSON") { @json = true }
      end

      def delayed? = !(@at || @in).nil?
      def background? = @background || delayed?

      def check
        refuse("a delayed job has no priority") if delayed? && @priority
        refuse("--timeout is for jobs that are waited for") if background? && @limit
      end

      # What is piped in, or what the argument says.
      def read(workload)
        return workload if workload && workload != "-"

        workload || !$stdin.tty? ? $stdin.binmode.read : ""
      end

      # The first server that answers.
      def reach
        errors = []
        fleet.clients.find do |client|
          client.echo("").value
        rescue ConnectionError, TimeoutError => e
          errors << e && false
        end || raise(errors.last)
      end

      def enqueue(client, function, input)
        options = { priority: @priority || :normal, at: @at, in: @in }
        options[:unique] = @unique if @unique
        handle = client.enqueue(function, input, **options)
        @json ? print_json({ server: client.server, function: function, handle: handle }) : puts(handle)
      end

      def perform(client, function, input)
        @progress = Progress.new(function)
        @heard = { data: +"".b, warnings: [] }
        task = submit(client, function, input)
        look_after(client, task) until task.wait(TICK)
        end_of(client, task)
      ensure
        @progress&.finish
      end

      def submit(client, function, input)
        name = { nil => :submit_job, high: :submit_job_high, low: :submit_job_low }.fetch(@priority)
        client.public_send(name, function, input, unique: @unique, timeout: @limit, **listeners)
      end

      def listeners
        on_status = ->(done, all) { @progress.at(done.to_i, all.to_i) }
        return { on_status: on_status, on_data: @progress.method(:data), on_warning: @progress.method(:warn) } unless @json

        { on_status: on_status, on_data: @heard[:data].method(:<<), on_warning: @heard[:warnings].method(:<<) }
      end

      # It says nothing: then the server knows whether a worker has it.
      def look_after(client, task)
        @progress.draw
        return if !@progress.shown? || @progress.known? || !task.handle

        client.get_status(task.handle) do |status, _|
          @progress.state = status.running? ? "runs" : "waits for a worker" if status&.known?
        end
      end

      def end_of(client, task)
        @json ? print_json(outcome_of(client, task)) : @progress.print(task.result.to_s)
        @progress.finish
        task.success? ? DONE : CLI.complain(task.error)
      end

      def outcome_of(client, task)
        { server: client.server, function: task.function, handle: task.handle, state: task.state, **@heard,
          result: task.result, error: task.error&.message }.compact
      end
    end
  end
end
