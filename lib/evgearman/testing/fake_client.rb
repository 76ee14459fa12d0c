# frozen_string_literal: true

module EVGearman
  module Testing
    # What stands in for a Client: it makes the same requests on the same loop, and {Testing} is its server.
    #
    # @api private
    class FakeClient < Client
      include ByHand

      SAME = %i[loop coder encoding exceptions].freeze
      LIMITS = %i[max_packet max_text max_unsent].freeze

      SUBMISSIONS = {
        submit_job: :normal, submit_job_high: :high, submit_job_low: :low,
        submit_job_bg: :normal, submit_job_high_bg: :high, submit_job_low_bg: :low, submit_job_epoch: :normal
      }.freeze
      FOREGROUND = SUBMISSIONS.keys.first(3).freeze

      REFUSALS = {
        fake: ["FAKE", "EVGearman::Testing.fake! runs no foreground job, EVGearman::Testing.inline! does"],
        inline: ["NO_HANDLER", "no worker of this process has a handler for it: see EVGearman::Testing.register"]
      }.freeze
      private_constant :SAME, :LIMITS, :SUBMISSIONS, :FOREGROUND, :REFUSALS

      # @return [Client] in whose place it stands
      attr_reader :original

      def initialize(original)
        @original = original
        same = SAME.to_h { |name| [name, original.public_send(name)] }
        hook = ->(error, where) { original.on_callback_error&.call(error, where) }
        super(**address, **same, unique: original.send(:_unique), on_callback_error: hook, **OPTIONS)
        LIMITS.each { |name| _set_option(name, original.send(:_option, name)) }
        join
      end

      # Makes a request, by the method of this name; runs the jobs that are to be run at once.
      def ask(request, *args, &block)
        task, jobs = exclusively do
          prepare
          [send(request, *args, &block), serve(coders_of(request, args))]
        end
        run(jobs)
        task
      end

      # A worker said this about a foreground job. A client that did not ask for exceptions hears of none.
      def told(name, handle, *args)
        return answer(:work_fail, handle) if name == :work_exception && !@exceptions

        answer(name, handle, *args)
      end

      private

      # One after the other; those behind one that raises are kept.
      def run(jobs)
        while (submission = jobs.shift)
          Performer.perform(submission, self)
        end
      ensure
        jobs.each { |left| Testing.store.put_back(left) }
      end

      def address = original.path ? { path: original.path } : { host: original.host, port: original.port }

      # Nobody stands in for this one.
      def _fake = nil

      # In a forked child, and after `disconnect`, it is as if the server had been away.
      def prepare
        join unless connected?
        set_hook(:on_packet, original.on_packet) unless on_packet.equal?(original.on_packet)
      end

      # Answers what was asked; the jobs that are to be run.
      def serve(coders)
        jobs = []
        listen do |name, *args|
          job = SUBMISSIONS.key?(name) ? submitted(name, *args, coders.shift) : serve_one(name, *args)
          jobs << job if job.is_a?(Submission)
        end
        jobs
      end

      def serve_one(name, *args)
        case name
        when :text then _heard(AdminAnswers.to(args.first, Testing.store), false)
        when :echo_req then answer(:echo_res, *args)
        when :option_req then option_asked(*args)
        when :get_status then status(:status_res, *args) { |job| job.handle == args.first }
        when :get_status_unique then status(:status_res_unique, *args, clients: "0") { |job| job.unique == args.first }
        end
      end

      def option_asked(name)
        return answer(:error, "UNKNOWN_OPTION", "Server does not recognize given option") unless name == "exceptions"

        @exceptions = true
        answer(:option_res, name)
      end

      def status(name, of, clients: nil, &block)
        answer(name, of, *Testing.store.status(&block).map(&:to_s), *clients)
      end

      # Answers it if it is to be run now.
      def submitted(name, function, unique, *epoch, workload, coder)
        submission, fresh = Testing.store.add(
          function: function, workload: workload, unique: unique, priority: SUBMISSIONS[name], at: epoch.first&.to_i,
          background: !FOREGROUND.include?(name), client: original, coder: coder
        )
        now = Testing.inline? && Handlers.for(function)
        return answer(:error, *REFUSALS[Testing.mode]) if submission.foreground? && !now

        answer(:job_created, submission.handle)
        return unless fresh

        now ? Testing.store.begin(submission) : Testing.store.keep(submission)
        submission if now
      end

      # Of each submission that this request consists of.
      def coders_of(request, args)
        given = case request
                when :_submit then [args[6]]
                when :_submit_bg then [args[5]]
                when :_submit_all then args[0].map { |job| job.size > 2 ? job[5] : args[1] }
                else []
                end
        given.map { |option| option == :default ? coder : option }
      end
    end
  end
end
