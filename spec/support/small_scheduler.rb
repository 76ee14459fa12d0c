# frozen_string_literal: true

require "io/wait"

# The least that Fiber.set_scheduler asks for: enough to see who waits and who goes on.
class SmallScheduler
  def initialize
    @ready = []
    @sleeping = {}
    @blocked = 0
    @lock = Thread::Mutex.new
    @urgent_read, @urgent_write = IO.pipe
  end

  def fiber(&block)
    Fiber.new(blocking: false, &block).tap(&:resume)
  end

  def kernel_sleep(seconds = nil)
    block(:sleep, seconds)
    true
  end

  # Resumed by unblock (true) or by its time (false).
  def block(_blocker, timeout = nil)
    @sleeping[Fiber.current] = now + timeout if timeout
    @blocked += 1
    Fiber.yield
  ensure
    @sleeping.delete(Fiber.current)
    @blocked -= 1
  end

  def unblock(_blocker, fiber)
    @lock.synchronize { @ready << fiber }
    @urgent_write.write_nonblock(".")
  end

  def io_wait(io, events, timeout = nil)
    until (ready = io.wait(events, 0))
      return false if timeout&.negative?

      kernel_sleep(0.005)
    end
    ready
  end

  def close
    run
  ensure
    @urgent_read.close
    @urgent_write.close
  end

  def run
    turn until @blocked.zero? && @ready.empty?
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def turn
    wait = [(@sleeping.values.min || now + 1) - now, 0].max
    @urgent_read.read_nonblock(1000, exception: false) if @ready.any? || @urgent_read.wait_readable(wait)
    due = @lock.synchronize { @ready.tap { @ready = [] } }
    due += @sleeping.select { |_, at| at <= now }.keys
    due.uniq.each { |fiber| fiber.resume if fiber.alive? }
  end
end
