# frozen_string_literal: true

# In two steps; the second begins when it may.
class StepsJob < NoteJob
  include ActiveJob::Continuable if defined?(ActiveJob::Continuable) # which came with Rails 8.1

  def perform(name)
    step(:one) { Shop.note("#{name}-one", {}) }
    step(:two) do |step|
      until File.exist?(File.join(Shop::NOTES, "#{name}-go"))
        sleep(0.01)
        step.checkpoint!
      end
    end
    super
  end
end
