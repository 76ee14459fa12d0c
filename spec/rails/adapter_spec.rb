# frozen_string_literal: true

# How jobs are queued, and what a performer refuses.
RSpec.describe "The adapter of Active Job" do
  before(:context) do
    @embedded = Embedded.start
    @shop = Shop.new(ruby, @embedded.url)
  end

  after(:context) do
    @shop.stop
    @embedded.stop
  end

  # Classes are made in the application, once.
  before(:context) do
    @shop.ask(<<~RUBY)
      require "evgearman/testing"
      ADAPTER = ActiveJob::QueueAdapters::EvgearmanAdapter
      Handed = Struct.new(:workload, :handle, :failed) do
        def finished? = failed
        def fail = self.failed = true
        def stopping? = false
      end

      def with(**options)
        before = ActiveJob::Base.queue_adapter
        ActiveJob::Base.queue_adapter = ADAPTER.new(**options)
        yield
      ensure
        ActiveJob::Base.queue_adapter = before
      end

      def refused(data, **options)
        job = Handed.new(data.is_a?(String) ? data : data.to_json, "H:1")
        EVGearman::ActiveJob::Performer.new(**options).call(job)
        "performed"
      rescue StandardError => e
        [e.class.name, e.message, job.failed]
      end
      nil
    RUBY
  end

  def ask(code) = @shop.ask(code)

  describe "queues a job" do
    def submitted(code) = ask("EVGearman::Testing.clear.fake! { #{code} }; EVGearman::Testing.jobs.map { |it| #{inspected} }")
    def inspected = "[it.function, it.priority, it.at&.to_f, it.unique, it.workload]"

    it "as its own JSON, to the function of its queue" do
      function, priority, time, _, workload = submitted("NoteJob.set(queue: 'mail').perform_later('a')").first
      expect([function, priority, time]).to eq(["active_job.mail", "normal", nil])
      expect(JSON.parse(workload)).to include("job_class" => "NoteJob", "arguments" => ["a"], "queue_name" => "mail")
    end

    it "on three levels of priority" do
      levels = submitted("[nil, 0, -1, 1, 50].each { |n| NoteJob.set(priority: n).perform_later('a') }").map { |row| row[1] }
      expect(levels).to eq(%w[normal normal high low low])
    end

    it "on levels of one's own" do
      expect(submitted(<<~RUBY).map { |row| row[1] }).to eq(%w[low normal high])
        with(priority_map: { 7 => :low }) { [7, 8].each { |n| NoteJob.set(priority: n).perform_later('a') } }
        with(priority_map: ->(n) { n == 7 ? :high : :low }) { NoteJob.set(priority: 7).perform_later('a') }
      RUBY
      expect { ask("with(priority_map: ->(n) { n }) { NoteJob.perform_later('a') }") }
        .to raise_error(/ArgumentError: priority_map must answer :high, :normal or :low, not nil/)
    end

    it "for a time, in whole seconds and not before it" do
      time = Time.now.to_i + 100.25
      rows = submitted("NoteJob.set(wait_until: Time.at(#{time}), priority: -5).perform_later('a')")
      expect(rows.first[1, 2]).to eq(["normal", time.ceil])
    end

    it "with a key of its own each time, also the same job" do
      keys = submitted("job = NoteJob.new('a'); 3.times { job.enqueue }").map { |row| row[3] }
      expect(keys.uniq.size).to eq(3)
      expect(keys.map { |key| key[/\A\h{8}(-\h{4}){3}-\h{12}:/] }.uniq.size).to eq(1)
      expect(keys.map(&:bytesize)).to all(be <= 63)
    end

    it "whose id is somebody else's" do
      expect(submitted("job = NoteJob.new('a'); job.job_id = 'ä' * 100; job.enqueue").map { |row| row[3].bytesize }).to eq([63])
    end

    it "with a prefix, and by a server, of one's own" do
      other = own_server
      ask("with(servers: #{other.url.inspect}, prefix: 'shop.') { NoteJob.perform_later('a') } && nil")
      expect(other.status("shop.default")).to eq([1, 0, 0])
    end
  end

  describe "queues many" do
    def bulk(jobs) = ask(<<~RUBY)
      jobs = #{jobs}
      ActiveJob.perform_all_later(jobs)
      jobs.map { |job| [job.successfully_enqueued?, job.provider_job_id, job.enqueue_error&.class&.name] }
    RUBY

    it "in one go: of 10,000 no answer is waited for before the last is sent" do
      server = fake_server do |peer|
        jobs = Array.new(10_000) { peer.expect(:submit_job_bg) }
        jobs.each_index { |number| peer.send(:job_created, "H:#{number}") }
      end
      counts = ask(<<~RUBY)
        jobs = Array.new(10_000) { |number| NoteJob.new(number) }
        with(servers: #{server.url.inspect}) { ActiveJob.perform_all_later(jobs) }
        [jobs.count(&:successfully_enqueued?), jobs.first.provider_job_id, jobs.last.provider_job_id]
      RUBY
      expect(counts).to eq([10_000, "H:0", "H:9999"])
    end

    it "now and later, on each priority, and tells each its handle" do
      rows = bulk("[NoteJob.new('a'), NoteJob.new('b').set(wait: 1.hour), NoteJob.new('c').set(priority: -1)]")
      expect(rows).to match([[true, /\AH:/, nil]] * 3)
      expect(rows.map { |row| row[1] }.uniq.size).to eq(3)
    end

    it "and tells each that was refused why" do
      ask("EVGearman.client.create_function('active_job.narrow').value && EVGearman.client.maxqueue('active_job.narrow', 1).value")
      rows = bulk("%w[a b].map { |name| NoteJob.new(name).set(queue: :narrow) } << NoteJob.new('x' * 2_000_000) << NoteJob.new('d')")
      expect(rows).to match([[true, /\AH:/, nil], [false, nil, "EVGearman::QueueFullError"],
                             [false, nil, "EVGearman::PacketTooLargeError"], [true, /\AH:/, nil]])
    end

    it "and raises when none could be queued" do
      expect { bulk("[NoteJob.new('x' * 2_000_000)]") }.to raise_error(/EVGearman::PacketTooLargeError: payload too large/)
      expect(ask("ActiveJob.perform_all_later([])")).to be_nil
    end

    it "and answers how many for the log" do
      counted = ask(<<~RUBY)
        counts = []
        ActiveSupport::Notifications.subscribed(->(event) { counts << event.payload[:enqueued_count] }, "enqueue_all.active_job") do
          ActiveJob.perform_all_later(NoteJob.new("a"), NoteJob.new("b"))
        end
        counts
      RUBY
      expect(counted).to eq([2])
    end
  end

  describe "whose server is away" do
    def away(**options) = "with(servers: '127.0.0.1:1', client_options: { command_timeout: 0.05, on_error: nil }, **#{options})"

    it "raises, and the job knows that it was not queued" do
      expect(ask(<<~RUBY)).to match([/\AEVGearman::/, false])
        job = NoteJob.new("a")
        #{away} { job.enqueue } rescue [$!.class.name, job.successfully_enqueued?]
      RUBY
    end

    it "answers false when that is asked for, and the job knows why" do
      expect(ask(<<~RUBY)).to match([false, "ActiveJob::EnqueueError", /\AEVGearman::/])
        error = nil
        answer = #{away(raise_enqueue_error: false)} { NoteJob.perform_later("a") { |job| error = job.enqueue_error } }
        [answer, error.class.name, error.cause.class.name]
      RUBY
    end

    it "fails each of many" do
      expect(ask(<<~RUBY)).to match([/\AEVGearman::/, [[false, true]] * 2])
        jobs = [NoteJob.new("a"), NoteJob.new("b").set(wait: 1)]
        raised = #{away} { ActiveJob.perform_all_later(jobs) } rescue $!.class.name
        [raised, jobs.map { |job| [job.successfully_enqueued?, job.enqueue_error.is_a?(EVGearman::Error)] }]
      RUBY
    end
  end

  it "has one client for all adapters that are told the same, also from many threads at once" do
    counts = ask(<<~RUBY)
      adapters = Array.new(20) { ADAPTER.new(servers: #{@embedded.url.inspect}, client_options: { client_id: "one" }) }
      threads = adapters.map { |adapter| Thread.new { 5.times { adapter.enqueue(NoteJob.new("a")) } } }
      threads.each(&:join)
      EVGearman.client.server_workers.value.map(&:client_id).count("one")
    RUBY
    expect(counts).to eq(1)
  end

  it "goes on in a forked child" do
    handles = ask(<<~RUBY)
      before = NoteJob.perform_later("a").provider_job_id
      reader, writer = IO.pipe
      pid = fork { writer.write(NoteJob.perform_later("b").provider_job_id) && exit!(0) }
      writer.close
      [before, reader.read, NoteJob.perform_later("c").provider_job_id].tap { Process.wait(pid) }
    RUBY
    expect([handles.uniq.size, handles]).to match([3, all(start_with("H:"))])
  end

  it "is asked whether a job waits for its transaction, and whether it is to stop" do
    expect(ask("ADAPTER.new.then { |it| [it.enqueue_after_transaction_commit?, it.stopping?, it.stopping?(1)] }")).to eq([true, false, false])
  end

  it "refuses options that cannot be" do
    { "server: 1" => "unknown option: server", "prefix: nil" => "prefix must be a String, not nil",
      "max_payload: 0" => "max_payload must be a whole number above 0, not 0", "priority_map: 1" => "priority_map must be a Hash or answer `call`, not 1",
      "on_unhandled_error: :retry" => "on_unhandled_error must be :fail or answer `call`, not :retry" }.each do |options, message|
      expect { ask("ADAPTER.new(#{options})") }.to raise_error(/ArgumentError: #{Regexp.escape(message)}/)
    end
  end

  describe "its performer" do
    def refused(data, options = "") = ask("refused(#{data}#{options})")

    it "refuses what is larger than a payload may be, unread" do
      expect(refused("'{' * 1_048_577")).to match([/RefusedError/, "payload refused: 1048577 bytes, max_payload is 1048576", true])
    end

    it "refuses what is nested too deep, or no JSON" do
      expect(refused("'[' * 200 + ']' * 200")).to match([/RefusedError/, /payload refused: nesting of \d+ is too deep/, true])
      expect(refused("'rubbish'")).to match([/RefusedError/, /payload refused: /, true])
      expect(refused("'[1]'")).to match([/RefusedError/, "payload refused: no Active Job", true])
    end

    it "refuses what names no class of jobs" do
      ["'String'", "'ActiveJob::Base'", "'Kernel'", "'NoSuchJob'", "'system(1)'", "nil", "7", "{}"].each do |name|
        expect(refused("{ job_class: #{name} }")).to match([/RefusedError/, /is no class of jobs\z/, true])
      end
    end

    it "fails a job whose arguments are gone" do
      data = "NoteJob.new('a').serialize.merge('arguments' => [{ '_aj_globalid' => 'gid://shop/Gone/1' }])"
      expect(refused(data)).to match(["ActiveJob::DeserializationError", /Gone/, true])
    end

    it "tells its error to whom it shall" do
      told = ask(<<~RUBY)
        told = []
        answer = refused(BrokenJob.new("of old").serialize, on_unhandled_error: ->(error, job) { told << [error.message, job.handle, job.failed] })
        [answer, told]
      RUBY
      expect(told).to eq(["performed", [["of old", "H:1", nil]]])
    end

    it "fails the job also when that raises" do
      expect(refused("BrokenJob.new('first').serialize", ", on_unhandled_error: ->(*) { raise 'second' }")).to eq(["RuntimeError", "second", true])
    end
  end
end
