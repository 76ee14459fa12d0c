# frozen_string_literal: true

module EVGearman
  # Points of time as SUBMIT_JOB_EPOCH has them.
  # @api private
  module UnixTime
    # What a server reads as a time.
    RANGE = (0...(2**63))

    # Whole Unix seconds: not before that time.
    #
    # @param time [Time, Numeric]
    # @return [Integer]
    def self.ceil(time)
      unless time.respond_to?(:to_r) && !time.is_a?(String) && !time.nil?
        EVGearman._blame("time must be a Time or a number of seconds, not #{time.inspect}")
      end

      seconds = whole(time)
      return seconds if RANGE.cover?(seconds)

      EVGearman._blame("time must lie between 0 and 2**63 - 1 seconds, not #{time.inspect}")
    end

    def self.whole(time)
      time.to_r.ceil
    rescue RangeError # of infinity, and of what is no number
      nil
    end
    private_class_method :whole
  end
end
