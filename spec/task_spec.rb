# frozen_string_literal: true

RSpec.describe EVGearman::Task do
  # Answers everything about one job when the example says so.
  let(:steps) { Queue.new }
  let(:server) do
    fake_server do |peer|
      peer.expect(:submit_job)
      while (step = steps.pop)
        peer.send(*step)
      end
    end
  end
  let(:client) { client_for(server) }
  let(:task) { client.submit_job("f", "x", unique: "key") }

  after { steps.close }

  def created = steps << [:job_created, "H:1"]
  def completed = steps << [:work_complete, "H:1", "result"]

  it "knows what was asked" do
    expect(task).to have_attributes(function: "f", unique: "key", client: client, handle: nil, progress: nil)
  end

  # Fails when it is the String of the caller, whatever its encoding is.
  it "knows names as what comes from a server: UTF-8 if valid, else BINARY" do
    names = ["f\u00E9", "f\xE9", "f\u00E9".encode("ISO-8859-1"), "f".encode("US-ASCII")]
    tasks = names.map { |name| client.submit_job_bg(name, unique: name) }
    expect(tasks.map { |task| task.function.encoding.to_s }).to eq(%w[UTF-8 ASCII-8BIT ASCII-8BIT UTF-8])
    expect(tasks.map { |task| task.unique.encoding.to_s }).to eq(%w[UTF-8 ASCII-8BIT ASCII-8BIT UTF-8])
  end

  it "says what is known" do
    expect(task.state).to eq(:waiting)
    eventually { task.state == :sent }
    created
    eventually { task.state == :created }
    expect(task.handle).to eq("H:1")
    steps << [:work_status, "H:1", "1", "3"]
    eventually { task.state == :running }
    expect(task.progress).to eq([1, 3])
    completed
    eventually { task.state == :succeeded }
    expect(task).to have_attributes(done?: true, success?: true, failed?: false, result: "result", error: nil)
  end

  it "says what went wrong" do
    task
    created
    steps << [:work_fail, "H:1"]
    task.wait
    expect(task).to have_attributes(state: :failed, done?: true, success?: false, failed?: true, result: nil)
    expect(task.error).to be_a(EVGearman::JobFailedError).and have_attributes(delivery: :running, server: server.url)
  end

  # Fails when the Task's one error is raised: its backtrace would be that of who came first.
  it "raises to each who waits an error of his own, which tells where he waited" do
    server = fake_server { |peer| peer.expect(:submit_job) && peer.close }
    failed = client_for(server, reconnect: false).submit_job("f")
    lines = []
    raised = [-> { (lines << __LINE__) && failed.value }, -> { (lines << __LINE__) && failed.value }].map do |wait|
      wait.call
    rescue EVGearman::DisconnectedError => e
      e
    end
    expect(raised.map { |error| error.backtrace.find { |line| line.include?(__FILE__) }[/:(\d+):/, 1].to_i }).to eq(lines)
    expect([*raised, failed.error].uniq(&:object_id).size).to eq(3)
    expect(raised).to all(have_attributes(message: failed.error.message, delivery: :unacknowledged, server: server.url, cause: nil))
    expect(failed.error.backtrace).to be_nil
  end

  # Fails when the line of the coder is lost with its backtrace.
  it "raises what a coder raised with that as its cause" do
    refusing = Class.new { def self.load(_) = raise(RangeError, "cannot") and def self.dump(value) = value }
    task = client_for(server).submit_job("f", "x", coder: refusing)
    created
    completed
    2.times do
      expect { task.value }.to raise_error(RangeError, "cannot") { |error|
        expect(error.cause).to equal(task.error).and have_attributes(backtrace: include(/load/))
        expect(error.backtrace.first).to include("value")
      }
    end
  end

  it "raises an error that cannot be copied as it is" do
    stubborn = Class.new(StandardError) { def initialize_copy(_) = raise(TypeError, "no") }
    refusing = Class.new { define_singleton_method(:load) { |_| raise stubborn } && def self.dump(value) = value }
    task = client_for(server).submit_job("f", "x", coder: refusing)
    created
    completed
    expect { task.value }.to raise_error { |error| expect(error).to equal(task.error) }
  end

  it "shows itself" do
    task
    created
    eventually { task.handle }
    expect(task.inspect).to eq("#<EVGearman::Task f H:1 created>")
  end

  it "cannot be made by hand" do
    expect { described_class.new }.to raise_error(TypeError)
    expect { described_class.allocate }.to raise_error(TypeError)
  end

  # Fails under a sanitizer when the client is freed behind it.
  it "may be forgotten while its value is still to be made" do
    answers = [[:echo_res, "x"], [:status_res, "H:1", "0", "0", "0", "0"]].map { |packet| EVGearman::Protocol.encode(*packet, magic: :res) }
    server = fake_server { |peer| peer.expect(:echo_req) && peer.expect(:get_status) && peer.write(answers.join) }
    5.times do
      client = EVGearman::Client.new(url: server.url, loop: EVGearman::Loop.new)
      client.echo("x") { throw :out }
      client.get_status("H:1")
      expect(catch(:out) { client.loop.run(30) }).to be_nil
      expect(client.stats[:pending]).to eq(0)
    end
    3.times { GC.start }
  end

  it "has no progress where a worker sent no numbers" do
    task
    created
    steps << [:work_status, "H:1", "half", "18446744073709551616"]
    eventually { task.state == :running }
    expect(task.progress).to be_nil
  end

  describe "#value" do
    it "raises TimeoutError when the time passes first, and the Task goes on" do
      task
      created
      expect { task.value(0.05) }.to raise_error(an_instance_of(EVGearman::TimeoutError))
      expect(task).not_to be_done
      completed
      expect(task.value).to eq("result")
    end

    it "answers as often as it is asked" do
      created
      completed
      expect([task.value, task.value(0), task.value(nil)]).to eq(["result"] * 3)
    end

    it "raises as often as it is asked" do
      created
      steps << [:work_fail, "H:1"]
      2.times { expect { task.value }.to raise_error(EVGearman::JobFailedError, /\Ajob failed, of f H:1 /) }
    end

    it "refuses a time that is none" do
      [-1, "1", Float::NAN, Complex(1, 1)].each { |time| expect { task.value(time) }.to raise_error(ArgumentError) }
    end
  end

  describe "#wait" do
    it "answers the Task, good or bad" do
      task
      created
      steps << [:work_fail, "H:1"]
      expect(task.wait).to be(task)
    end

    it "answers nil when the time passes first" do
      expect(task.wait(0.05)).to be_nil
    end
  end

  describe "blocks" do
    it "are called in order, and before value returns" do
      seen = []
      task.on_created { |handle| seen << [:created, handle] }
      task.on_data { |bytes| seen << [:data, bytes] }
      task.on_warning { |bytes| seen << [:warning, bytes] }
      task.on_status { |*numbers| seen << [:status, *numbers] }
      task.on_complete { |result| seen << [:complete, result] }
      task.on_fail { |error| seen << [:fail, error] }
      task.on_finish { |*outcome| seen << [:finish, *outcome] }
      created
      steps << [:work_data, "H:1", "a"] << [:work_warning, "H:1", "b"] << [:work_status, "H:1", "1", "2"]
      completed
      task.value
      expect(seen).to eq([[:created, "H:1"], [:data, "a"], [:warning, "b"], [:status, "1", "2"], [:complete, "result"],
                          [:finish, "result", nil]])
    end

    it "hear of an exception, and then of the failure" do
      seen = []
      task.on_exception { |bytes| seen << bytes }.on_fail { |error| seen << error }.on_finish { |*outcome| seen << outcome }
      created
      steps << [:work_exception, "H:1", "what it said\0"]
      task.wait
      expect(seen).to eq(["what it said\0", task.error, [nil, task.error]])
      expect(task.error.data).to eq("what it said\0")
    end

    it "may be many, and answer the Task" do
      seen = []
      expect(task.on_data { seen << 1 }.on_data { seen << 2 }).to be(task)
      created
      steps << [:work_data, "H:1", "x"]
      completed
      task.value
      expect(seen).to eq([1, 2])
    end

    it "that come late for an outcome are called in the next turn" do
      task
      created
      steps << [:work_data, "H:1", "x"]
      completed
      task.value
      seen = []
      task.on_created { |handle| seen << handle }.on_complete { |result| seen << result }.on_fail { seen << :never }
      task.on_finish { |*outcome| seen << outcome }.on_data { seen << :never }
      expect(seen).to be_empty
      loop.run_once(0)
      expect(seen).to eq(["H:1", "result", ["result", nil]])
    end

    it "that come late for JOB_CREATED are called once" do
      task
      created
      eventually { task.handle }
      seen = []
      task.on_created { |handle| seen << handle }
      completed
      task.value
      expect(seen).to eq(["H:1"])
    end

    it "have to be given" do
      expect { task.on_data }.to raise_error(ArgumentError)
    end

    it "that raise are told to on_callback_error, and the next ones are called" do
      told = []
      client.on_callback_error { |error, where| told << [error.message, where] }
      seen = []
      task.on_complete { raise "oops" }.on_complete { |result| seen << result }
      created
      completed
      expect(task.value).to eq("result")
      expect(seen).to eq(["result"])
      expect(told).to eq([%w[oops on_complete]])
    end

    it "may set further blocks" do
      seen = []
      task.on_complete { task.on_complete { |result| seen << result } }
      created
      completed
      task.value
      expect(eventually { seen.first }).to eq("result")
    end
  end

  describe "#abandon" do
    it "keeps every block from being called, and value from waiting" do
      seen = []
      other = client.submit_job("f") { seen << :never }
      other.on_fail { seen << :never }
      eventually { other.state == :sent }
      expect(other.abandon).to be(other)
      expect(other.state).to eq(:abandoned)
      expect { other.value }.to raise_error(EVGearman::Error, /\Aabandoned/)
      created
      completed
      eventually { client.stats[:pending].zero? }
      loop.run_once(0)
      expect(seen).to be_empty
      expect { other.value }.to raise_error(EVGearman::Error, /\Aabandoned/) # though it has one by now
    end

    it "changes nothing about one that is over" do
      task
      created
      completed
      task.value
      expect(task.abandon.value).to eq("result")
    end

    # Fails when only a Task that has not ended can be abandoned: its blocks may be still to come.
    it "keeps those blocks from being called that are still to come when it ends" do
      seen = []
      task.on_fail { seen << :never }
      client.disconnect
      expect(task.abandon.state).to eq(:abandoned)
      loop.run_once(0)
      other = client.echo("x")
      other.on_finish { (seen << :first) && other.abandon }.on_finish { seen << :never }
      client.disconnect
      expect { other.value }.to raise_error(EVGearman::Error, /\Aabandoned/)
      expect(seen).to eq([:first])
    end

    # Fails when the server is asked for what nobody wants any more.
    it "takes back what is not written: one, and one of many" do
      kept = fake_server(&:answer_echoes)
      other = client_for(kept)
      tasks = %w[a b c].map { |data| other.echo(data) }
      tasks[1].abandon
      expect(tasks.values_at(0, 2).map(&:value)).to eq(%w[a c])
      expect { tasks[1].value }.to raise_error(EVGearman::Error, /\Aabandoned/)
      expect(tasks[1]).to have_attributes(state: :abandoned, done?: true)
      expect(kept.received.select { |name,| name == :echo_req }.map(&:last)).to eq(%w[a c])
      expect(other.stats).to include(submitted: 3, resolved: 3, pending: 0)
    end

    it "takes back the jobs of a batch, too" do
      down = keep(EVGearman::Client.new(port: 1, loop: loop, on_error: proc {}))
      down.submit_jobs_bg([%w[f a], %w[f b]]).abandon
      expect([down.waiting_count, down.unsent_bytes]).to eq([0, 0])
    end

    it "wakes who waits" do
      eventually { task.state == :sent }
      waiting = Thread.new { task.wait }
      eventually { waiting.stop? }
      task.abandon
      expect(waiting.value).to be(task)
      expect { task.value }.to raise_error(EVGearman::Error, /\Aabandoned/)
    end
  end

  it "is kept until its end though nobody holds it" do
    seen = []
    client.submit_job("f") { |result| seen << result }
    GC.start
    created
    completed
    expect(eventually { seen.first }).to eq("result")
  end

  it "keeps its client until its end though nobody holds that" do
    seen = []
    made = EVGearman::Loop.new
    EVGearman::Client.new(url: server.url, loop: made).submit_job("f") { |result| seen << result }
    GC.start
    created
    completed
    made.run_once(1) while seen.empty?
    expect(seen).to eq(["result"])
    made.close
  end
end
