# frozen_string_literal: true

# Writes what it sees into a file of that name, once for each time that it runs.
class NoteJob < ActiveJob::Base
  def perform(name)
    seen = { locale: I18n.locale, timezone: Time.zone.name, executed_at: Time.now.to_f, provider_job_id: provider_job_id,
             executions: executions, pid: Process.pid, stopping: queue_adapter.stopping? }
    Shop.note(name, seen)
  end
end
