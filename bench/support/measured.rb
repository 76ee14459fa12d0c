# frozen_string_literal: true

# An operation that is measured in a process of its own, for its @ops. Prints what floor.c does: operations, seconds and
# CPU seconds.
module Measured
  private

  def measure
    start = at(Process::CLOCK_MONOTONIC)
    cpu = at(Process::CLOCK_PROCESS_CPUTIME_ID)
    yield if @ops.positive?
    puts "#{@ops} #{at(Process::CLOCK_MONOTONIC) - start} #{at(Process::CLOCK_PROCESS_CPUTIME_ID) - cpu}"
  end

  def at(clock) = Process.clock_gettime(clock)
end
