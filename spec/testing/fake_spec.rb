# frozen_string_literal: true

require "evgearman/testing"
require "json"

RSpec.describe EVGearman::Testing, ".fake!", :faked do
  before { testing.fake! }

  def jobs = testing.jobs
  def names = jobs.map(&:function)

  describe "a background job" do
    it "resolves with a handle, and is kept" do
      handle = client.enqueue("mail", "to you", unique: "key")
      expect(handle).to match(/\AF:\d+\z/)
      expect(jobs).to match([have_attributes(handle: handle, function: "mail", workload: "to you", unique: "key", at: nil,
                                             priority: :normal, background?: true, foreground?: false, client: client)])
      expect(jobs.first).to be_frozen
    end

    it "has a handle of its own" do
      expect([client.enqueue("a"), client.enqueue("a"), client.enqueue("b")].uniq.size).to eq(3)
    end

    it "is kept in each of its kinds" do
      client.submit_job_bg("bg").value
      client.submit_job_high_bg("high").value
      client.submit_job_low_bg("low").value
      client.enqueue("enqueued", priority: :low)
      client.submit_jobs_bg([["one"], ["two", "workload"], ["three", "", { priority: :high }]]).value
      expect(jobs.to_h { |job| [job.function, job.priority] })
        .to eq("bg" => :normal, "high" => :high, "low" => :low, "enqueued" => :low, "one" => :normal, "two" => :normal,
               "three" => :high)
    end

    it "knows until when it is delayed, in whole seconds" do
      client.submit_job_epoch("epoch", "", 1000.5).value
      client.enqueue("at", at: Time.at(2000))
      client.submit_jobs_bg([["bulk", "", { at: 3000 }]]).value
      client.enqueue("in", in: 60)
      expect(jobs.map(&:at)).to match([Time.at(1001), Time.at(2000), Time.at(3000), be_between(Time.now, Time.now + 61)])
    end

    it "is kept as soon as it is submitted, also when nobody ever turns the loop" do
      client.submit_job_bg("mail")
      expect(names).to eq(["mail"])
    end

    it "has a key of its own unless the client wants none" do
      client.enqueue("made")
      client.enqueue("none", unique: nil)
      client_for(Faked::NOWHERE, unique: nil).enqueue("by the client")
      expect(jobs.map(&:unique)).to match([/\A\h{16}-\d+\z/, nil, nil])
    end

    it "is encoded by the coder of its call, of its job, or of the client" do
      client.enqueue("call", { "a" => 1 }, coder: JSON)
      client.submit_jobs_bg([["job", [1], { coder: JSON }], ["none", "[1]"]]).value
      client_for(Faked::NOWHERE, coder: JSON).enqueue("client", [2])
      expect(jobs.map(&:workload)).to eq(['{"a":1}', "[1]", "[1]", "[2]"])
      expect(jobs.map(&:value)).to eq([{ "a" => 1 }, [1], "[1]", [2]])
    end

    it "has a workload that one can compare: UTF-8 if it is" do
      client.enqueue("text", "é")
      client.enqueue("bytes", "\xff\x00".b)
      expect(jobs.map(&:workload)).to eq(["é", "\xff\x00".b])
    end

    it "is one of whoever submits it: the process, a worker's client" do
      EVGearman.enqueue("process")
      worker.client.enqueue("worker")
      expect(jobs.map(&:client)).to eq([EVGearman.client, worker.client])
    end

    it "may come from any thread" do
      Array.new(8) { |n| Thread.new { 20.times { client.enqueue("f#{n}") } } }.each(&:join)
      expect(jobs.size).to eq(160)
      expect(jobs.map(&:handle).uniq.size).to eq(160)
    end
  end

  describe "two of one function and key" do
    it "are one job, as for a server" do
      first, second = %w[a b].map { |workload| client.enqueue("mail", workload, unique: "key") }
      expect(second).to eq(first)
      expect(jobs.map(&:workload)).to eq(["a"])
      expect(testing.submissions.map(&:workload)).to eq(%w[a b])
    end

    it "are one by their workload, when that is the key" do
      %w[a a b].each { |workload| client.enqueue("mail", workload, unique: "-") }
      expect(jobs.map(&:workload)).to eq(%w[a b])
    end

    it "are two when the functions differ, or there is no key" do
      client.enqueue("a", unique: "key")
      client.enqueue("b", unique: "key")
      2.times { client.enqueue("c", unique: nil) }
      2.times { client.enqueue("d", "", unique: "-") }
      expect(names).to eq(%w[a b c c d d])
    end

    it "are one while it is run, and two once it was" do
      testing.register("again") { |job| client.enqueue("again", unique: job.unique) && nil }
      handle = client.enqueue("again", unique: "key")
      expect(testing.drain).to eq(1)
      expect(client.enqueue("again", unique: "key")).not_to eq(handle)
    end
  end

  describe "a foreground job" do
    it "fails with an error that names inline!" do
      expect { client.call("reverse") }.to raise_error(EVGearman::Error, /EVGearman::Testing\.inline!.*of reverse/)
      expect(client.submit_job_high("reverse").wait.error.message).to include("inline!")
      expect { client.map("reverse", %w[a b]) }.to raise_error(EVGearman::Error, /inline!/)
    end

    it "is no job to be run, but was submitted" do
      client.submit_job("reverse", "abc", unique: "key").wait
      expect(jobs).to be_empty
      expect(testing.submissions).to match([have_attributes(function: "reverse", workload: "abc", foreground?: true)])
    end
  end

  describe "a Task" do
    it "is one, of the client that was asked" do
      task = client.submit_job_bg("mail")
      expect(task).to be_a(EVGearman::Task).and have_attributes(client: client, function: "mail", done?: false, state: :sent)
      expect(task.value).to eq(jobs.first.handle)
      expect(task).to have_attributes(state: :succeeded, handle: jobs.first.handle, unique: jobs.first.unique)
    end

    it "calls its blocks when somebody turns the loop, in order, and before it is waited for no longer" do
      told = []
      task = client.submit_job_bg("mail") { |handle, error| told << [:block, handle, error] }
      task.on_created { |handle| told << [:created, handle] }.on_finish { |*outcome| told << [:finish, *outcome] }
      expect(told).to be_empty
      handle = task.value
      expect(told).to eq([[:created, handle], [:block, handle, nil], [:finish, handle, nil]])
    end

    it "calls them on the thread that drives" do
      seen = nil
      task = client.submit_job_bg("mail") { seen = Thread.current }
      thread = Thread.new { task.wait }
      thread.join
      expect(seen).to eq(thread)
    end

    it "tells the client's hook what a block raises" do
      told = []
      client.on_callback_error { |error, where| told << [error.message, where] }
      client.submit_job_bg("mail") { raise "oops" }.value
      expect(told).to eq([%w[oops block]])
    end

    it "of many resolves with all handles" do
      expect(client.submit_jobs_bg([["a"], ["b"]]).value).to eq(jobs.map(&:handle))
    end

    it "is one that Task.all waits for" do
      expect(EVGearman::Task.all([client.submit_job_bg("a"), client.echo("b")])).to eq([jobs.first.handle, "b"])
    end

    it "may be waited for by a fiber", if: Fiber.respond_to?(:set_scheduler) do
      handle = nil
      Thread.new do
        Fiber.set_scheduler(SmallScheduler.new)
        Fiber.schedule { handle = client.enqueue("mail") }
      end.join
      expect(names).to eq(["mail"])
      expect(handle).to eq(jobs.first.handle)
    end
  end

  describe "what is wrong" do
    it "is refused as ever" do
      refusals = [
        -> { client.enqueue("") }, -> { client.enqueue("a\n") }, -> { client.enqueue(5) }, -> { client.enqueue("f", 5) },
        -> { client.enqueue("f", unique: "k" * 64) }, -> { client.enqueue("f", unique: "a\0") },
        -> { client.enqueue("f", priority: :none) }, -> { client.enqueue("f", at: 1, in: 1) },
        -> { client.enqueue("f", at: 1, priority: :high) }, -> { client.enqueue("f", at: "soon") },
        -> { client.call("f", on_data: 5) }, -> { client.call("f", timeout: -1) }, -> { client.call("f", coder: 5) },
        -> { client.submit_jobs_bg([["f"], [""]]) }, -> { client.submit_jobs_bg(5) }, -> { client.map("f", 5) },
        -> { client.get_status("") }, -> { client.option("") }, -> { client.enqueue("f", -> {}, coder: Marshal) }
      ]
      said = refusals.map { |refusal| [testing.disable!(&capture(refusal)), testing.fake!(&capture(refusal))] }
      expect(said.map(&:first)).to eq(said.map(&:last))
      expect(said.flatten(1).map(&:first) - [ArgumentError, TypeError]).to be_empty
      expect(testing.submissions).to be_empty
    end

    def capture(refusal)
      lambda do
        refusal.call
        [nil, "taken"]
      rescue ArgumentError, TypeError => e
        [e.class, e.message]
      end
    end

    it "points at its own line" do
      expect { client.enqueue("") }.to raise_error { |error| expect(error.backtrace.first).to start_with(__FILE__) }
    end

    it "includes a packet that is too large, a closed client, a closed loop" do
      small = client_for(Faked::NOWHERE, max_packet: 100)
      expect { small.enqueue("f", "a" * 100) }.to raise_error(EVGearman::PacketTooLargeError)
      small.close
      expect { small.enqueue("f") }.to raise_error(EVGearman::ConnectionError, /closed/)
      loop.close
      expect { client.enqueue("f") }.to raise_error(EVGearman::ConnectionError, /closed/)
      expect(jobs).to be_empty
    end
  end

  it "forgets by clear" do
    client.enqueue("mail")
    expect(testing.clear).to eq(testing)
    expect([jobs, testing.submissions]).to eq([[], []])
  end

  it "tells jobs and submissions of one function" do
    client.enqueue("a")
    client.enqueue("b")
    expect([testing.jobs("b").map(&:function), testing.submissions("a").map(&:function)]).to eq([["b"], ["a"]])
  end

  describe EVGearman::Testing::Submission do
    before { client.enqueue("mail", "to you", unique: "key", at: 1000) }

    it "is taken apart by name" do
      expect(jobs.first.to_h).to eq(handle: jobs.first.handle, function: "mail", workload: "to you", unique: "key",
                                    priority: :normal, at: Time.at(1000), background: true)
      case jobs
      in [{ function: "mail", at: Time => at }] then expect(at).to eq(Time.at(1000))
      end
    end

    it "shows itself, and not all of a long workload" do
      expect(jobs.first.inspect).to match(/Submission "mail" with "to you" \(background, at .*, key "key"\) F:\d+>\z/)
      client.enqueue("long", "x" * 1000)
      expect(jobs.last.inspect.size).to be < 400
    end
  end
end
