# frozen_string_literal: true

require "evgearman/active_job"

ActiveJob::Base.queue_adapter = :evgearman
ActiveJob::Base.logger = nil

# Leaves a line.
class NoteJob < ActiveJob::Base
  def perform(whom) = File.write(ENV.fetch("TRACES"), "performed for #{whom}\n", mode: "a")
end

EVGearman::Runtime.register("later") do |job|
  NoteJob.set(queue: job.workload).perform_later("you")
  "queued"
end
