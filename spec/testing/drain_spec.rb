# frozen_string_literal: true

require "evgearman/testing"
require "json"
require "weakref"

RSpec.describe EVGearman::Testing, ".drain", :faked do
  before { testing.fake! }

  let(:ran) { [] }

  def note(*functions)
    functions.each { |name| testing.register(name) { |job| ran << [name, job.workload] && nil } }
  end

  def names = testing.jobs.map(&:function)

  it "runs what is kept, and tells how many" do
    note("a", "b")
    client.submit_jobs_bg([%w[a 1], %w[b 2], %w[a 3]]).value
    expect(testing.drain).to eq(3)
    expect(ran).to eq([%w[a 1], %w[b 2], %w[a 3]])
    expect([testing.jobs, testing.drain]).to eq([[], 0])
    expect(testing.submissions.size).to eq(3)
  end

  it "runs by priority, then by time" do
    note("f")
    [[:low, nil], [:normal, nil], [:normal, 3000], [:high, nil], [:normal, 2000], [:normal, nil]].each_with_index do |(priority, at), n|
      client.enqueue("f", n.to_s, priority: priority, at: at)
    end
    testing.drain
    expect(ran.map(&:last)).to eq(%w[3 1 5 0 4 2])
  end

  it "runs what the handlers submit, too" do
    testing.register("first") { 2.times { |n| client.enqueue("second", n.to_s) } && nil }
    note("second")
    client.enqueue("first")
    expect(testing.drain).to eq(3)
    expect(ran).to eq([%w[second 0], %w[second 1]])
  end

  it "keeps what they submit, also when nothing is faked where it is called" do
    testing.register("first") { EVGearman.enqueue("second") }
    client.enqueue("first")
    testing.disable!
    expect(testing.drain).to eq(1)
    expect([names, testing.mode]).to eq([["second"], :disabled])
  end

  it "runs foreground jobs that they submit, where these are run at once" do
    testing.register("first") { client.call("reverse", "abc") }
    testing.register("reverse") { |job| ran << job.workload.reverse && nil }
    client.enqueue("first")
    testing.inline! { testing.drain }
    expect(ran).to eq(["cba"])
  end

  it "runs those of one function" do
    note("a", "b")
    %w[a b a].each { |name| client.enqueue(name) }
    expect(testing.drain("a")).to eq(2)
    expect(names).to eq(["b"])
  end

  it "runs those that are due at a time" do
    note("f")
    [nil, 1000, 1001, 1002].each { |at| client.enqueue("f", at.to_s, at: at) }
    expect(testing.drain(at: Time.at(1001))).to eq(3)
    expect(testing.drain("f", at: 1001.5)).to eq(1)
    expect(ran.map(&:last)).to eq(["", "1000", "1001", "1002"])
    expect { testing.drain(at: "now") }.to raise_error(ArgumentError, /time/)
  end

  it "leaves what nobody here can run" do
    note("b")
    client.submit_jobs_bg([["a"], ["b"], ["c"]]).value
    expect(testing.drain).to eq(1)
    expect(names).to eq(%w[a c])
  end

  it "raises what a handler raises, when that job is over" do
    testing.register("bad") { raise IOError, "oops" }
    note("good")
    client.submit_jobs_bg([["bad"], ["good"]]).value
    expect { testing.drain }.to raise_error(IOError, "oops") { |error| expect(error.backtrace.first).to start_with(__FILE__) }
    expect(names).to eq(["good"])
    expect(testing.drain).to eq(1)
  end

  it "raises a failed expectation as what it is" do
    testing.register("f") { |job| expect(job.workload).to eq("other") }
    client.enqueue("f", "workload")
    expect { testing.drain }.to raise_error(RSpec::Expectations::ExpectationNotMetError)
  end

  it "raises what is no result" do
    testing.register("f") { 5 }
    client.enqueue("f")
    expect { testing.drain }.to raise_error(TypeError, /must be a String/)
  end

  it "takes it for the handler's wish when that fails its job" do
    testing.register("f", &:fail)
    testing.register("g") { |job| job.exception("no") }
    client.submit_jobs_bg([["f"], ["g"]]).value
    expect(testing.drain).to eq(2)
  end

  it "keeps a job whose handler was left by a jump, in its place" do
    note("f")
    client.submit_jobs_bg([["f"], ["leave"], ["f"]]).value
    job = nil
    testing.register("leave") { |given| (job = given) && throw(:out) }
    expect { testing.drain("leave") }.to throw_symbol(:out)
    expect(names).to eq(%w[f leave f])
    expect(job).to have_attributes(lost?: true, complete: false)
    note("leave")
    expect(testing.drain).to eq(3)
  end

  describe "the job that a handler is given" do
    it "is one" do
      handle = client.enqueue("f", "é", unique: "key")
      seen = nil
      testing.register("f") do |job|
        seen = job
        job.data.force_encoding("UTF-8")
      end
      testing.drain
      expect(seen).to be_a(EVGearman::Job)
        .and have_attributes(handle: handle, function: "f", unique: "key", workload: "é", finished?: true, lost?: false,
                             stopping?: false)
      expect { seen.complete }.to raise_error(EVGearman::JobFinishedError)
    end

    it "has bytes, as always" do
      seen = nil
      testing.register("f") { |job| (seen = [job.workload, job.unique]) && nil }
      client.enqueue("f", "é", unique: nil)
      testing.drain
      expect(seen).to eq(["é".b, nil])
      expect(seen.first.encoding).to eq(Encoding::BINARY)
    end

    it "has what its handler's coder makes of them" do
      testing.register("f", coder: JSON) { |job| ran << job.workload }
      testing.register("g", encoding: "UTF-8") { |job| ran << job.workload && nil }
      client.enqueue("f", [1], coder: JSON)
      client.enqueue("g", "é")
      testing.drain
      expect(ran).to eq([[1], "é"])
    end

    it "is of the worker whose handler it is, and so is its client" do
      seen = nil
      worker.register_function("f") { |job| (seen = job.worker) && job.worker.client.enqueue("g") }
      client.enqueue("f")
      testing.drain
      expect(seen).to equal(worker)
      expect(testing.jobs.first).to have_attributes(function: "g", client: worker.client)
    end

    it "tells the server how far it is" do
      handle = client.enqueue("f", unique: "key")
      statuses = -> { [client.get_status(handle).value, client.get_status_unique("key").value] }
      known = { known?: true, running?: false, numerator: 0, denominator: 0 }
      expect(statuses.call).to all(have_attributes(known))
      testing.register("f") do |job|
        job.status(3, 4)
        ran.concat(statuses.call)
        nil
      end
      testing.drain
      expect(ran).to all(have_attributes(known?: true, running?: true, numerator: 3, denominator: 4))
      expect(statuses.call).to all(have_attributes(known?: false))
    end

    it "may be finished later, by an asynchronous handler" do
      job = nil
      testing.register("f", async: true) { |given| job = given }
      handle = client.enqueue("f")
      expect(testing.drain).to eq(1)
      expect(client.get_status(handle).value).to be_running
      expect(job.complete("done")).to be(true)
      expect(client.get_status(handle).value).not_to be_known
    end
  end

  describe "handlers" do
    def done_by
      client.enqueue("f")
      yield ->(who) { ->(_) { (@seen = who) && nil } }
      testing.drain
      @seen
    end

    it "are those of workers that live, whichever loop they are on" do
      loop = EVGearman::Loop.new
      other = EVGearman::Worker.new(port: 1, loop: loop)
      expect(done_by { |by| other.register_function("f", by[:worker]) }).to eq(:worker)
      loop.close
      client.enqueue("f")
      expect(testing.drain).to eq(0)
    end

    it "are also those that were there before" do
      testing.disable! { worker.register_function("f") { ran << 1 && nil } }
      client.enqueue("f")
      testing.drain
      expect(ran).to eq([1])
    end

    it "of several workers are the last one's" do
      other = worker_for(Faked::NOWHERE)
      expect(done_by { |by| [worker, other, worker].each { |one| one.register_function("f", by[one]) } }).to equal(worker)
      expect(done_by { |by| other.register_function("f", by[:other]) }).to eq(:other)
      expect(done_by { other.unregister_function("f") }).to equal(worker)
    end

    it "of a closed worker are none" do
      worker.register_function("f") { nil }
      client.enqueue("f")
      worker.close
      expect([testing.drain, names]).to eq([0, ["f"]])
    end

    it "without a handler are none: can_do is for grab_job" do
      worker.can_do("f")
      client.enqueue("f")
      expect(testing.drain).to eq(0)
    end

    it "of workers that nobody holds are kept" do
      names = Array.new(20) { |n| "f#{n}" }
      names.each { |name| EVGearman::Worker.new(port: 1, loop: loop).register_function(name) { |job| job.worker.close } }
      GC.start
      names.each { |name| client.enqueue(name) }
      expect(testing.drain).to eq(20)
    end

    it "of a worker that was closed are not kept" do
      refs = Array.new(20) do
        WeakRef.new(EVGearman::Worker.new(port: 1, loop: loop).tap { |one| one.register_function("f") { nil }.close(0) })
      end
      worker.register_function("f") { nil }
      GC.start
      expect(refs.count(&:weakref_alive?)).to be < 20
    end

    it "that were registered for tests go first" do
      expect(done_by { |by| testing.register("f", by[:test]) && worker.register_function("f", by[:worker]) }).to eq(:test)
      expect(done_by { testing.unregister("f") }).to eq(:worker)
    end

    it "for tests are checked as those of workers" do
      expect { testing.register("f") }.to raise_error(ArgumentError, /handler/)
      expect { testing.register("", proc {}) }.to raise_error(ArgumentError)
      expect(testing.register("f", proc {})).to eq(testing)
    end

    it "of workers hear by their hook what a handler raises; without a hook there is no line" do
      told = []
      worker.on_callback_error { |error, where| told << [error.message, where] }
      worker.register_function("f") { raise "oops" }
      handle = client.enqueue("f")
      expect { testing.drain }.to raise_error("oops")
      client.ping
      expect(told).to eq([["oops", "job f #{handle}"]])

      worker.on_callback_error = :default
      client.enqueue("f")
      drained = lambda do
        expect { testing.drain }.to raise_error("oops")
        client.ping
      end
      expect(&drained).not_to output.to_stderr
    end
  end

  it "may be called by several threads: each job is run once" do
    note("f")
    client.submit_jobs_bg(Array.new(200) { |n| ["f", n.to_s] }).value
    counts = Array.new(4) { Thread.new { testing.drain } }.map(&:value)
    expect(counts.sum).to eq(200)
    expect(ran.map { |_, n| n.to_i }.sort).to eq((0...200).to_a)
  end

  it "forgets no job that is under way when all are cleared" do
    testing.register("f") { testing.clear && nil }
    client.enqueue("f")
    client.enqueue("f")
    expect(testing.drain).to eq(1)
    testing.register("f") { |job| testing.clear && job.status(1, 2) && throw(:out) }
    client.enqueue("f")
    catch(:out) { testing.drain }
    expect(testing.jobs).to be_empty
    expect(client.server_status.value).to be_empty
  end
end
