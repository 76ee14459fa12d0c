# frozen_string_literal: true

module EVGearman
  class Runtime
    # It cannot run: what is wrong, in a sentence.
    class Failure < StandardError; end

    # What a job fails with when too many processes died with it ({Settings} `max_deaths`).
    class DeadlyJobError < Error; end
  end
end
