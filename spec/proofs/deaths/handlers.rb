# frozen_string_literal: true

# A job of the proof: when it was assigned, when it began and when it ended is noted, by the clock that all processes share.
HISTORY = File.open(ENV.fetch("HISTORY"), "a").tap { |file| file.sync = true }
NOTE = ->(what, id, time) { HISTORY.syswrite("#{what} #{id} #{Process.pid} #{time}\n") }
CLOCK = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }

EVGearman::Runtime.register("work") do |job|
  NOTE["assigned", job.workload, CLOCK.call - job.elapsed]
  NOTE["began", job.workload, CLOCK.call]
  sleep(rand * 0.02)
  NOTE["ended", job.workload, CLOCK.call]
  nil
end
