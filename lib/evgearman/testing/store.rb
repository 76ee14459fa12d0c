# frozen_string_literal: true

module EVGearman
  module Testing
    # The jobs of the process: those that wait, those that are being run, and all that were submitted.
    #
    # @api private
    class Store
      RANKS = { high: 0, normal: 1, low: 2 }.freeze
      private_constant :RANKS

      # Submissions, ever.
      attr_reader :count

      def initialize
        @lock = Thread::Mutex.new
        @count = @handles = 0
        forget
      end

      def waiting = @lock.synchronize { @waiting.sort_by(&:number) }
      def submissions = @lock.synchronize { @submissions.dup }

      # A new one, and is it a job of its own? A background job is not when there is one of its key.
      def add(**about)
        @lock.synchronize do
          submission = Submission.new(handle: "F:#{@handles + 1}", number: @count += 1, **about)
          other = @by_key[submission.key] if submission.background? && submission.key
          submission = Submission.new(handle: other.handle, number: @count, **about) if other
          @handles += 1 unless other
          @submissions << submission
          [submission, other.nil?]
        end
      end

      # It waits.
      def keep(submission)
        @lock.synchronize do
          hold(submission)
          line_up(submission)
        end
      end

      # It is being run.
      def begin(submission)
        @lock.synchronize do
          hold(submission)
          @running[submission] = [0, 0]
        end
      end

      # The next one for which the block is true, which is being run from now on; or nil.
      def take(&block)
        @lock.synchronize do
          place = @waiting.index(&block) or return
          @waiting.delete_at(place).tap { |submission| @running[submission] = [0, 0] }
        end
      end

      # Its worker went without an answer: it waits again, in its place. Not when it was forgotten meanwhile.
      def put_back(submission)
        @lock.synchronize { line_up(submission) if @running.delete(submission) }
      end

      def progress(submission, *numbers)
        @lock.synchronize { @running[submission] = numbers if @running.key?(submission) }
      end

      def over(submission)
        @lock.synchronize { let_go(submission) if @running.delete(submission) }
      end

      # Takes it out, if it waits.
      def cancel(handle)
        @lock.synchronize do
          place = @waiting.index { |submission| submission.handle == handle }
          let_go(@waiting.delete_at(place)) if place
        end
      end

      # What is asked by GET_STATUS, of the first for which the block is true: known, running, numerator, denominator.
      def status(&block)
        @lock.synchronize do
          running = @running.keys.find(&block)
          next [1, 1, *@running[running]] if running

          @waiting.any?(&block) ? [1, 0, 0, 0] : [0, 0, 0, 0]
        end
      end

      # Of each function: those that wait, and how many are being run.
      def by_function
        @lock.synchronize do
          waiting, running = @waiting.group_by(&:function), @running.keys.group_by(&:function)
          (waiting.keys | running.keys).to_h { |name| [name, [waiting.fetch(name, []), running.fetch(name, []).size]] }
        end
      end

      def clear = @lock.synchronize { forget }

      private

      def forget
        @submissions = []
        @waiting = [] # as they are to be run
        @running = {}.compare_by_identity # => numerator and denominator
        @by_key = {}
      end

      def hold(submission)
        @by_key[submission.key] ||= submission if submission.key
      end

      def let_go(submission)
        @by_key.delete(submission.key) if @by_key[submission.key].equal?(submission)
        submission
      end

      def line_up(submission)
        place = @waiting.bsearch_index { |other| (rank(other) <=> rank(submission)).positive? }
        @waiting.insert(place || -1, submission)
      end

      def rank(submission) = [submission.at.to_i, RANKS[submission.priority], submission.number]
    end
  end
end
