# frozen_string_literal: true

# Fails at first; the second time it notes that.
class FailingJob < NoteJob
  class Again < StandardError; end

  retry_on Again, wait: 1, attempts: 3

  def perform(name)
    executions == 1 ? raise(Again) : super
  end
end
