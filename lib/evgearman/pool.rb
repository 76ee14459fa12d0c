# frozen_string_literal: true

module EVGearman
  # Threads that run the synchronous handlers of a worker, beside its loop. They are made when there is work for them.
  #
  # @api private
  class Pool
    # A pool whose threads end when its worker is collected, too.
    def self.for(worker, size)
      new(size).tap { |pool| ObjectSpace.define_finalizer(worker, closing(pool)) }
    end

    # Without a reference to the worker.
    def self.closing(pool) = proc { pool.close }

    # @param size [Integer] threads at most
    def initialize(size)
      @size = size
      begin_anew
    end

    # Where a job is put for the next thread that is free, before {#attend}. The C side calls both, on the thread that
    # drives the loop; both again, if that was interrupted in between.
    #
    # @return [Thread::Queue, nil] nil: closed
    def jobs
      @jobs unless @jobs.closed?
    end

    # Sees to it that the job which was put there is run: here, if no thread can be made.
    def attend
      add_thread if @jobs.size > @jobs.num_waiting
    rescue ThreadError, NoMemoryError
      run_here
      raise
    end

    # Threads that wait end now, the others when their handler returns.
    def close
      @jobs.close
      nil
    end

    private

    # A forked child has none of its parent's threads, nor jobs: there the C side calls it first.
    def begin_anew
      @jobs = Thread::Queue.new
      @threads = []
    end

    def add_thread
      @threads.select!(&:alive?)
      return if @threads.size == @size

      jobs = @jobs
      @threads << OwnThread.start("evgearman job") { run(jobs) }
    end

    # What is no error ends the thread as any other (and `exit` the process); the next job gets a new one.
    def run(jobs)
      while (job = jobs.pop)
        job.send(:_perform)
        job = nil # or it would live until the next one
      end
    end

    def run_here
      @jobs.pop(true).send(:_perform)
    rescue ThreadError
      nil # a thread has taken it
    end
  end
end
