# frozen_string_literal: true

module EVGearman
  # Times that people give.
  #
  # @api private
  module Seconds
    # @return [Numeric, nil] the same
    # @raise [ArgumentError]
    def self.check(value, name = "timeout")
      return value if value.nil? || (value.is_a?(Numeric) && value.real? && value >= 0 && value.to_f.finite?)

      raise ArgumentError, "#{name} must be seconds and not negative, or nil"
    end

    # @return [Numeric, nil] the same; nil for 0
    # @raise [ArgumentError]
    def self.limit(value, name = "timeout")
      check(value, name)
      value unless value&.zero?
    end
  end
end
