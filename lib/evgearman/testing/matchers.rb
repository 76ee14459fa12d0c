# frozen_string_literal: true

require "rspec/expectations"
require_relative "expectation"

module EVGearman
  module Testing
    # For RSpec. Every example group has these when `evgearman/rspec` is required, and before each example
    # {Testing.clear} is called. There is a shared context `:gearman`, too: a job server for an example group, at
    # `gearman_url`, and nothing is faked.
    #
    #     expect { order.ship }.to submit_gearman_job("mail").with("to you").in_background
    #     expect(EVGearman::Testing).to have_submitted_gearman_job("mail").exactly(2).times
    module Matchers
      # Of a block: jobs of that function are submitted in it, at least one unless something else is said; on whichever
      # thread and with whatever came of them, as {Testing.submissions} has them.
      #
      # @param function [String, #===, nil] nil: any
      # @return [SubmitGearmanJob] which has more to say about them
      def submit_gearman_job(function = nil) = SubmitGearmanJob.new(function)

      # Of what was submitted since {Testing.clear}: of {Testing}, by anybody; of a {Client}, by that one.
      #
      # @param function [String, #===, nil] nil: any
      # @return [SubmitGearmanJob] which has more to say about them
      def have_submitted_gearman_job(function = nil) = HaveSubmittedGearmanJob.new(function)

      # What {#submit_gearman_job} answers. Its methods answer itself, so that they can be strung together.
      class SubmitGearmanJob
        include ::RSpec::Matchers::Composable

        # @api private
        def initialize(function)
          @expected = Expectation.new(function) do |expected, actual|
            ::RSpec::Support::FuzzyMatcher.values_match?(expected, actual)
          end
        end

        # Its workload: bytes, what its coder would make these bytes of, or a matcher of either.
        #
        # @param workload [Object]
        # @return [self]
        def with(workload) = say(with: workload)

        # A background job, delayed or not.
        #
        # @return [self]
        def in_background = say(background: true)

        # A foreground job.
        #
        # @return [self]
        def in_foreground = say(background: false)

        # A job that is delayed until then, in whole seconds; or a matcher of that Time.
        #
        # @param time [Time, Numeric, #===, nil] nil: it is not delayed
        # @return [self]
        def at(time) = say(at: time)

        # Its unique key, or a matcher of that.
        #
        # @param key [String, #===, nil] nil: it has none
        # @return [self]
        def with_key(key) = say(key: key)

        # @param priority [Symbol] `:normal`, `:high` or `:low`
        # @return [self]
        def with_priority(priority) = say(priority: priority)

        # @param number [Integer]
        # @return [self]
        def exactly(number) = count(:exactly, number)

        # @param number [Integer]
        # @return [self]
        def at_least(number) = count(:at_least, number)

        # @param number [Integer]
        # @return [self]
        def at_most(number) = count(:at_most, number)

        # @return [self]
        def once = exactly(1)

        # @return [self]
        def twice = exactly(2)

        # For reading: `exactly(3).times`.
        #
        # @return [self]
        def times = self

        # The same as {#times}.
        alias time times

        # @api private
        def matches?(block)
          before = Testing.store.count
          block.call
          @expected.met_by?(Testing.submissions.select { |submission| submission.number > before })
        end

        # @api private
        def supports_block_expectations? = true

        # @api private
        def supports_value_expectations? = false

        # @api private
        def description = "submit #{@expected}"

        # @api private
        def failure_message = "expected the block to submit #{@expected}, but #{@expected.seen}"

        # @api private
        def failure_message_when_negated = "expected the block not to submit #{@expected}, but #{@expected.seen}"

        private

        def say(**criteria)
          @expected.add(**criteria)
          self
        end

        def count(limit, number)
          @expected.count(limit, number)
          self
        end
      end

      # What {#have_submitted_gearman_job} answers.
      class HaveSubmittedGearmanJob < SubmitGearmanJob
        # @api private
        def matches?(actual)
          @by = actual.is_a?(Client) ? "the client" : "the program"
          submissions = Testing.submissions
          submissions.select! { |submission| submission.client.equal?(actual) } if actual.is_a?(Client)
          @expected.met_by?(submissions)
        end

        # @api private
        def supports_block_expectations? = false

        # @api private
        def supports_value_expectations? = true

        # @api private
        def description = "have submitted #{@expected}"

        # @api private
        def failure_message = "expected #{@by} to have submitted #{@expected}, but #{@expected.seen}"

        # @api private
        def failure_message_when_negated = "expected #{@by} not to have submitted #{@expected}, but #{@expected.seen}"
      end
    end
  end
end
