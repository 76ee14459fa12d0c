# frozen_string_literal: true

module EVGearman
  module CLI
    # What {Bench} measures: each operation by the clock, with a worker of its own. It leaves nothing behind.
    #
    # @api private
    class Trial
      # Of those that wait for each other, one in so many of the jobs.
      SHARE = 10
      # Jobs that a worker may hold beside the one that runs.
      PREFETCH = 64
      # Seconds for what is left when it is interrupted.
      GRACE = 10
      private_constant :SHARE, :PREFETCH, :GRACE

      # @param client [Client]
      # @param settings [Settings] for the worker
      # @return [Array<Hash>] rows
      def self.run(client, settings, **options) = new(client, **options).run(settings)

      def initialize(client, jobs:, size:, at_a_time:)
        @client = client
        @jobs = jobs
        @workload = "x" * size
        @at_a_time = at_a_time
        @function = "evgearman.bench.#{Process.pid}"
      end

      def run(settings)
        with_worker(settings) do
          few = [@jobs / SHARE, 1].max
          @client.call(@function, @workload) # the worker is there
          [one_by_one("echo", few) { @client.echo(@workload).value },
           one_by_one("job, one at a time", few) { @client.call(@function, @workload) },
           together, *background]
        end
      end

      private

      # It lasts as long as we hold the other end of its pipe.
      def with_worker(settings)
        held, hold = IO.pipe
        pid = fork do
          hold.close
          serve(settings, held)
        end
        held.close
        yield
      ensure
        within(GRACE) { !waiting? } # jobs that nobody waits for any more are done
        hold&.close
        Process.wait(pid) if pid
        within(GRACE) { dropped? } # gearmand notices a while later that the worker has left
      end

      # Ctrl-C is not for it: there may be jobs of ours left.
      def serve(settings, held)
        trap("INT", "IGNORE")
        Thread.new { held.read.then { exit!(0) } }
        worker = Worker.new(loop: Loop.new, prefetch: PREFETCH, on_error: nil, **settings.connection)
        worker.register_function(@function) { "" }
        worker.run(signals: false)
      ensure
        exit!(0)
      end

      # Until it is so, or it cannot be.
      def within(seconds)
        deadline = now + seconds
        sleep(0.01) until yield || now > deadline
      rescue Error
        nil
      end

      def waiting? = @client.server_status.value[@function]&.total&.positive?

      def dropped?
        @client.drop_function(@function, force: true).wait.success? || @client.server_status.value[@function].nil?
      end

      def one_by_one(operation, times)
        all = Array.new(times) { time { yield } }.sort
        row(operation, times, all.sum, median: all[times / 2], most: all[(times * 0.99).floor])
      end

      def together
        workloads = Array.new(@jobs, @workload)
        row("job, #{@at_a_time} at a time", @jobs, time { @client.map(@function, workloads, concurrency: @at_a_time) })
      end

      # Until the server has them, and until the worker has done them all.
      def background
        start = now
        handles = @client.submit_jobs_bg(Array.new(@jobs) { [@function, @workload] }).value
        queued = now - start
        error = handles.find { |handle| handle.is_a?(Error) } and raise error

        sleep(0.005) while waiting?
        [row("background job, queued", @jobs, queued), row("background job, done", @jobs, now - start)]
      end

      def row(operation, times, seconds, **more)
        { operation: operation, times: times, seconds: seconds.round(6), per_second: (times / seconds).round(1), **more }
      end

      def time
        start = now
        yield
        now - start
      end

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
