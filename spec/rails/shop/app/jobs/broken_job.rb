# frozen_string_literal: true

# Raises, and nobody rescues it.
class BrokenJob < ActiveJob::Base
  def perform(message) = raise(ArgumentError, message)
end
