# frozen_string_literal: true

require_relative "expectation"

module EVGearman
  module Testing
    # For Minitest. Every test has these when `evgearman/minitest` is required, and before each {Testing.clear} is called.
    #
    #     assert_gearman_job_submitted("mail", with: "to you", background: true) { order.ship }
    #     refute_gearman_job_submitted("mail")
    module Assertions
      # @api private
      def before_setup
        Testing.clear
        super
      end

      # With a block: jobs of that function are submitted in it, on whichever thread and with whatever came of them, as
      # {Testing.submissions} has them. Without: they were since {Testing.clear}.
      #
      # @param function [String, #===, nil] nil: any
      # @param times [Integer, nil] so many; nil: at least one
      # @param criteria [Hash]
      # @option criteria [Object] :with its workload: bytes, what its coder would make these bytes of, or what is `===` to
      #   either
      # @option criteria [Time, Numeric, #===, nil] :at when it is to be run, in whole seconds; nil: it is not delayed
      # @option criteria [String, #===, nil] :key its unique key; nil: it has none
      # @option criteria [Symbol] :priority `:normal`, `:high` or `:low`
      # @option criteria [Boolean] :background is it a background job?
      # @yield
      # @return [true]
      # @raise [ArgumentError] for an unknown criterion
      def assert_gearman_job_submitted(function = nil, times: nil, **criteria, &block)
        expected = Expectation.new(function, **criteria)
        expected.count(:exactly, times) if times
        met = expected.met_by?(_gearman_submissions(&block))
        assert(met, -> { "Expected #{expected} to be submitted, but #{expected.seen}" })
      end

      # The opposite of {#assert_gearman_job_submitted}.
      #
      # @param function [String, #===, nil] nil: any
      # @param criteria [Hash] of {#assert_gearman_job_submitted}
      # @yield
      # @return [true]
      # @raise [ArgumentError] for an unknown criterion
      def refute_gearman_job_submitted(function = nil, **criteria, &block)
        expected = Expectation.new(function, **criteria)
        met = expected.met_by?(_gearman_submissions(&block))
        refute(met, -> { "Expected #{expected} not to be submitted, but #{expected.seen}" })
      end

      private

      def _gearman_submissions
        return Testing.submissions unless block_given?

        before = Testing.store.count
        yield
        Testing.submissions.select { |submission| submission.number > before }
      end
    end
  end
end
