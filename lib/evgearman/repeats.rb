# frozen_string_literal: true

module EVGearman
  # Keeps what happens again and again from filling a log: each cause is told once, and again when a minute has passed.
  # @api private
  class Repeats
    PERIOD = 60
    MOST = 64

    def initialize
      @causes = {} # => when it was told, and how often it came since; the latest last
    end

    # @return [Integer, nil] how often it was kept quiet since it was last told; nil: keep it quiet now
    def untold(cause)
      now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      told_at, quiet = @causes.delete(cause)
      again = told_at.nil? || now - told_at >= PERIOD
      @causes.shift if @causes.size >= MOST
      @causes[cause] = again ? [now, 0] : [told_at, quiet + 1]
      quiet.to_i if again
    end
  end
end
