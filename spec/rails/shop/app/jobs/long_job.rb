# frozen_string_literal: true

# Runs until its worker is told to stop, and says so.
class LongJob < NoteJob
  def perform(name)
    Shop.note("#{name}-begun", {})
    sleep(0.01) until queue_adapter.stopping?
    super
  end
end
