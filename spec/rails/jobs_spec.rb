# frozen_string_literal: true

# What Rails asks of every adapter of Active Job, in an application with forked workers: the behaviours of its own
# integration tests, on both servers.
RSpec.describe "Active Job" do
  { "on our server" => Embedded, "on gearmand" => Gearmand }.each do |where, kind|
    context where, server: kind do
      # The application has its server for all of these examples; each has names of its own. Their time comes while others run:
      # what is delayed is queued at once.
      before(:context) do
        skip("gearmand is not installed") if kind == Gearmand && !Requirements.find("gearmand")
        @server = kind.start
        @shop = Shop.new(ruby, @server.url)
        @worker = @shop.ask("Shop.start_worker('integration_tests', concurrency: 2)")
        @begun = Time.now.to_f
        @delayed = { in_2_s: ", wait: 2.seconds", in_1_s: ", wait: 1.second", in_10_min: ", wait: 10.minutes" }.to_h do |name, how|
          [name, enqueue(how, name: name)]
        end
        enqueue(job: "FailingJob", name: "failing")
        @shop.ask(<<~RUBY)
          jobs = [1, 2].map { |wait| NoteJob.new("all-\#{wait}").set(queue: :integration_tests, wait: wait.seconds) }
          ActiveJob.perform_all_later(jobs)
        RUBY
      end

      after(:context) do
        expect(@shop.ask("Shop.stop_worker(#{@worker})")).to eq(0)
      ensure
        @shop&.stop
        @server&.stop
      end

      let(:name) { function("note") }

      def enqueue(how = "", job: "NoteJob", queue: "integration_tests", name: self.name)
        @shop.ask("#{job}.set(queue: :#{queue}#{how}).perform_later(#{name.to_s.inspect}).provider_job_id")
      end

      def note(name = self.name) = @shop.note(name)
      def noted(name = self.name) = eventually { note(name) }

      # Whatever could have run by now has: a job of the same queue that was queued later.
      def pass
        other = function("pass")
        enqueue(name: other)
        noted(other)
      end

      it "runs a job of a queue that a worker listens to" do
        enqueue
        expect(noted).to include("times" => 1, "executions" => 1)
        expect(note["pid"]).to eq(@worker)
      end

      it "does not run a job of another queue" do
        enqueue(queue: "other_queue")
        pass
        expect([note, @server.status("active_job.other_queue")]).to eq([nil, [1, 0, 0]])
      end

      it "does not run a job long before its time" do
        noted("in_2_s")
        pass
        expect(note("in_10_min")).to be_nil
      end

      it "does not run a job that is for another century" do
        enqueue(", wait_until: Time.utc(2500)")
        pass
        expect(note).to be_nil
      end

      it "runs a delayed job at its time" do
        expect(noted("in_2_s")["executed_at"]).to be >= @begun + 2
      end

      it "runs a job at once whose time is past" do
        enqueue(", wait_until: Time.utc(1990)")
        enqueue(", wait_until: Time.utc(1960)", name: "#{name}-before-unix")
        expect([noted, noted("#{name}-before-unix")]).to all(include("times" => 1))
      end

      it "runs delayed jobs that are queued together, each at its time" do
        [1, 2].each { |wait| expect(noted("all-#{wait}")["executed_at"]).to be >= @begun + wait }
      end

      it "gives a job its handle, and the same inside of it" do
        handle = enqueue
        expect(handle).to start_with("H:")
        expect(noted["provider_job_id"]).to eq(handle)
      end

      it "gives a delayed job its handle, and the same inside of it" do
        expect(@delayed.values).to all(start_with("H:"))
        expect(noted("in_1_s")["provider_job_id"]).to eq(@delayed[:in_1_s])
      end

      it "keeps the locale" do
        @shop.ask("I18n.with_locale(:de) { NoteJob.set(queue: :integration_tests).perform_later(#{name.inspect}) } && nil")
        expect(noted).to include("locale" => "de")
      end

      it "keeps the time zone" do
        @shop.ask("Time.use_zone('Hawaii') { NoteJob.set(queue: :integration_tests).perform_later(#{name.inspect}) } && nil")
        expect(noted).to include("timezone" => "Hawaii")
      end

      it "runs a more urgent job first" do
        { low: 10, normal: nil, high: -10 }.each do |level, priority|
          enqueue(", priority: #{priority.inspect}", queue: "urgent", name: "#{name}-#{level}")
        end
        worker = @shop.ask("Shop.start_worker('urgent')")
        times = %w[high normal low].map { |level| noted("#{name}-#{level}")["executed_at"] }
        expect(times).to eq(times.sort)
        expect(@shop.ask("Shop.stop_worker(#{worker})")).to eq(0)
      end

      # From 2.0 on, and on our server, the functions of a worker take turns.
      it "drains more urgent queues first", if: kind == Gearmand do
        skip("gearmand 1 does") unless @server.ask("version").match?(/\AOK 1\./)
        queues = %w[first second third].map { |queue| "#{queue}_#{name.tr("-", "_")}" }
        queues.reverse_each { |queue| enqueue(queue: queue, name: queue) }
        worker = @shop.ask("Shop.start_worker(*#{queues.inspect})")
        times = queues.map { |queue| noted(queue)["executed_at"] }
        expect(times).to eq(times.sort)
        expect(@shop.ask("Shop.stop_worker(#{worker})")).to eq(0)
      end

      it "runs a job again that asked for it while it ran" do
        expect(noted("failing")).to include("executions" => 2, "times" => 1)
      end

      it "fails a job that raised, once, and its worker hears of it" do
        handle = enqueue(job: "BrokenJob", name: "what is wrong")
        expect(noted("unhandled")).to include("class" => "ArgumentError", "error" => "what is wrong", "times" => 1)
        expect(noted("unhandled")["where"]).to match(/\Ajob active_job.integration_tests H:/)
        pass
        expect([note("unhandled")["times"], @shop.ask("EVGearman.client.get_status('#{handle}').value.known?")]).to eq([1, false])
      end

      it "tells a job that its worker is told to stop" do
        worker = @shop.ask("Shop.start_worker('long')")
        enqueue(job: "LongJob", queue: "long")
        noted("#{name}-begun")
        expect(@shop.ask("Shop.stop_worker(#{worker})")).to eq(0)
        expect(note).to include("stopping" => true, "pid" => worker)
      end

      it "is performed by evgearman work, which knows the application's prefix" do
        env = { "RUBYOPT" => ENV.fetch("RUBYOPT", nil), "RAILS_ENV" => "production", "SHOP_NOTES" => @shop.notes, "SHOP_PREFIX" => "shop." }
        work = workforce("-q", "of_work", url: @server.url, handlers: Shop::ROOT, env: env)
        @shop.ask("ActiveJob::QueueAdapters::EvgearmanAdapter.new(prefix: 'shop.').enqueue(NoteJob.new('#{name}').set(queue: :of_work))")
        wait_for(work) { note }
        work.signal("TERM")
        expect(ended(work)).to eq(0)
      end

      it "interrupts a job with steps when its worker stops, and goes on with it elsewhere" do
        skip("continuations came with Rails 8.1") unless @shop.ask("defined?(ActiveJob::Continuable)")
        worker = @shop.ask("Shop.start_worker('steps')")
        enqueue(job: "StepsJob", queue: "steps")
        noted("#{name}-one")
        expect(@shop.ask("Shop.stop_worker(#{worker})")).to eq(0)
        @shop.ask("File.write(File.join(Shop::NOTES, '#{name}-go'), '')")
        other = @shop.ask("Shop.start_worker('steps')")
        expect([noted["pid"], note("#{name}-one")["times"]]).to eq([other, 1])
        expect(@shop.ask("Shop.stop_worker(#{other})")).to eq(0)
      end
    end
  end
end
