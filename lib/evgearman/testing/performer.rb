# frozen_string_literal: true

module EVGearman
  module Testing
    # A Worker that is given one job after the other, which is run by whoever asks for that.
    #
    # @api private
    class Performer < Worker
      include ByHand

      # Runs a job, where this is called. What the handler raises is raised here, unless there is a client that hears of it.
      def self.perform(submission, client = nil)
        client = nil if submission.background?
        original, *handler = Handlers.for(submission.function)
        performer = idle(original)
        error = performer.perform(submission, client, handler)
        performer.rest
        raise error if error && !client
      end

      # One that stands in for this Worker and has nothing to do.
      def self.idle(original)
        resting = original.instance_variable_get(:@performers) || original.instance_variable_set(:@performers, [])
        performer = resting.pop
        performer&.connected? ? performer : new(original) # in a forked child it is not
      end
      private_class_method :idle

      # @return [Worker] whose handlers it calls
      attr_reader :original

      def initialize(original)
        @original = original
        super(loop: original.loop, exceptions: original.exceptions, poll_interval: nil, **OPTIONS)
        join
      end

      # Answers what the handler raised, or nil.
      def perform(submission, client, handler)
        @submission, @client, @over = submission, client, false
        job = take(*handler)
        error = job.send(:_perform)
        returned = true
        error
      ensure
        attend
        hand_back unless returned || @over
      end

      # What its job has said.
      def attend
        exclusively { listen { |name, *args| said(name, *args) } }
      end

      # The job was done by the time its handler returned, so another one may be.
      def rest
        original.instance_variable_get(:@performers) << self if @over
      end

      private

      def take(callable, async, coder, encoding)
        set_hook(:on_callback_error, hook)
        _register(@submission.function, callable, nil, nil, async, coder, encoding)
        grab = grab_job
        attend
        grab.value
      end

      # It hears of what the handler raises, if it wants to hear of that at all; a line for each would be too many.
      def hook
        hook = original.on_callback_error
        hook unless hook == EVGearman.method(:_warn_callback_error)
      end

      def said(name, *args)
        case name
        when :option_req then answer(:option_res, *args, at_once: true)
        when :grab_job_uniq then assign
        when :work_status then Testing.store.progress(@submission, *args.drop(1).map(&:to_i))
        when :work_complete, :work_fail, :work_exception then over
        end
        @client&.told(name, *args) if name.start_with?("work_")
      end

      def assign
        bytes = @submission.workload.b
        answer(:job_assign_uniq, @submission.handle, @submission.function, @submission.unique.to_s, bytes, at_once: true)
      end

      def over
        @over = true
        Testing.store.over(@submission)
      end

      # The handler was left by a jump. A server gives the job to somebody else; whoever waits for a foreground job is on
      # the way of that jump, but its blocks are to hear of an end.
      def hand_back
        disconnect
        return Testing.store.put_back(@submission) if @submission.background?

        over
        @client.told(:work_fail, @submission.handle)
      end
    end
  end
end
