# frozen_string_literal: true

module EVGearman
  # One {Client#map} under way.
  #
  # An error on the way is raised when the jobs that were submitted have ended; but an interrupt, which may be a
  # StandardError too (`Timeout.timeout(1, MyError)`, Thread#raise), at once. So it is kept in mind whose code is at work.
  #
  # @api private
  class Mapping
    # @param submit [#call] answers a Task of a workload, or the error for which there is none
    def initialize(window, submit)
      @window = window
      @submit = submit
      @tasks = []
    end

    # Answers the results.
    def run(workloads)
      foreign = @foreign = !workloads.is_a?(Array) # whose `each` raises nothing of its own
      workloads.each do |workload|
        @foreign = false
        add(workload)
        @foreign = foreign
      end
      @foreign = false
      Task.all(@tasks)
    rescue StandardError
      wait if @foreign
      raise
    ensure
      @tasks.reject(&:done?).each(&:abandon) # when it was interrupted
    end

    private

    # Waits for room both ways: other threads may fill what is unsent.
    def add(workload)
      while (task = @submit.call(workload)).is_a?(BackpressureError)
        @window.wait
      end
      refuse(task) unless task.is_a?(Task)
      @tasks << @window.enter(task)
      @window.wait
    end

    def refuse(error)
      wait
      raise error
    end

    def wait = @tasks.each(&:wait)
  end
end
