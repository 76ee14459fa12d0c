# frozen_string_literal: true

module EVGearman
  module Testing
    # Which submissions are meant, and how many of them there should be: for RSpec and Minitest alike.
    #
    # @api private
    class Expectation
      CRITERIA = %i[with at key priority background].freeze
      LIMITS = { exactly: :==, at_least: :>=, at_most: :<= }.freeze
      TIMES = { 1 => "once", 2 => "twice" }.freeze
      private_constant :CRITERIA, :LIMITS, :TIMES

      # @param function [String, #===, nil] nil: any
      # @param criteria [Hash] what else is known of it
      # @yield [expected, actual] does the one describe the other? Without a block `===` tells
      def initialize(function, **criteria, &describes)
        unknown = criteria.keys - CRITERIA
        EVGearman._blame("unknown criterion: #{unknown.join(", ")}") unless unknown.empty?

        @function, @criteria = function, criteria
        @describes = describes || ->(expected, actual) { expected === actual }
      end

      def add(**criteria) = @criteria.update(criteria)

      # @param limit [Symbol] `:exactly`, `:at_least` or `:at_most`
      def count(limit, number)
        unless number.is_a?(Integer) && !number.negative?
          EVGearman._blame("times must be a whole number, not #{number.inspect}")
        end

        @limit, @number = limit, number
      end

      # Are there as many among these as there should be? At least one, unless something else was said.
      def met_by?(submissions)
        @seen = submissions
        @found = submissions.select { |submission| meant?(submission) }
        @found.size.public_send(LIMITS[@limit || :at_least], @number || 1)
      end

      # a gearman job "mail" with "to you" in background exactly twice
      def to_s
        ["a gearman job", @function && show(@function), *@criteria.map { |name, value| word(name, value) }, how_often]
          .compact.join(" ")
      end

      # What was seen: behind "expected … to …, but ".
      def seen
        return "nothing was submitted#{off}" if @seen.empty?

        found = @found.size
        lines = @seen.map { |submission| "\n  #{@found.include?(submission) ? "+" : "-"} #{submission}" }
        "#{found} of #{@seen.size} submitted #{found == 1 ? "is" : "are"} that:#{lines.join}"
      end

      private

      def meant?(submission)
        (@function.nil? || fits?(@function, submission.function)) &&
          @criteria.all? { |name, value| met?(name, value, submission) }
      end

      def met?(name, value, submission)
        case name
        when :with then submission.carries?(value) || value_fits?(value, submission)
        when :at then time_fits?(value, submission.at)
        when :key then fits?(value, submission.unique)
        when :priority then value == submission.priority
        when :background then value == submission.background?
        end
      end

      def fits?(expected, actual) = @describes.call(expected, actual)

      def value_fits?(expected, submission)
        fits?(expected, submission.value) || fits?(expected, submission.workload)
      end

      # Delayed jobs have whole seconds.
      def time_fits?(expected, time)
        return time.nil? if expected.nil?
        return time&.to_i == UnixTime.ceil(expected) if expected.respond_to?(:to_r)

        !time.nil? && fits?(expected, time)
      end

      def show(value) = value.respond_to?(:description) ? value.description : value.inspect

      def word(name, value)
        case name
        when :background then value ? "in background" : "in foreground"
        when :at then value.nil? ? "at once" : "at #{show(value)}"
        when :priority then "with #{value} priority"
        else "with #{"key " if name == :key}#{show(value)}"
        end
      end

      def how_often
        return unless @limit

        "#{@limit.to_s.tr("_", " ")} #{TIMES.fetch(@number, "#{@number} times")}"
      end

      def off
        ": EVGearman::Testing is off, call fake! or inline!" if Testing.disabled?
      end
    end
  end
end
