# frozen_string_literal: true

module EVGearman
  # Times that people give: a Numeric, or what answers `to_f` and is no String. The check itself is C's.
  #
  # @api private
  module Seconds
    # @return [Float, nil] the same; nil for nil
    # @raise [ArgumentError] that begins with the name
    def self.check(value, name = "timeout") = _of(value, name)

    # @return [Float, nil] the same; nil also for 0 and infinity
    # @raise [ArgumentError]
    def self.limit(value, name = "timeout")
      seconds = check(value, name)
      seconds unless seconds.nil? || seconds.zero? || seconds.infinite?
    end
  end
end
