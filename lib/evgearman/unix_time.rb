# frozen_string_literal: true

module EVGearman
  # Points of time as SUBMIT_JOB_EPOCH has them.
  # @api private
  module UnixTime
    # Whole Unix seconds: not before that time.
    #
    # @param time [Time, Numeric]
    # @return [Integer]
    def self.ceil(time)
      return time.to_r.ceil if time.respond_to?(:to_r) && !time.is_a?(String) && !time.nil?

      raise ArgumentError, "time must be a Time or a number of seconds, not #{time.inspect}"
    rescue RangeError # of infinity, and of what is no number
      raise ArgumentError, "time must lie between 0 and 2**63 - 1 seconds"
    end
  end
end
