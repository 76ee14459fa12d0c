# frozen_string_literal: true

require "evgearman/testing"
require "json"
require "timeout"

RSpec.describe EVGearman::Testing, ".inline!", :faked do
  before do
    testing.inline!
    testing.register("reverse") { |job| job.workload.reverse }
  end

  describe "a foreground job" do
    it "is run by a handler of this process, and its result comes back" do
      expect(client.call("reverse", "abc")).to eq("cba")
      expect(EVGearman.call("reverse", "abc", priority: :high)).to eq("cba")
      expect(client.submit_job_low("reverse", "abc").value).to eq("cba")
      expect(client.map("reverse", %w[ab cd ef], concurrency: 2)).to eq(%w[ba dc fe])
      expect(worker.client.call("reverse", "abc")).to eq("cba")
    end

    it "is run by the handlers of workers" do
      worker.register_function("upcase") { |job| job.workload.upcase }
      expect(client.call("upcase", "abc")).to eq("ABC")
      expect(worker.state).to eq(:idle)
    end

    it "is run before its submission returns, by the thread that submits" do
      seen = nil
      testing.register("f") { (seen = Thread.current) && nil }
      task = client.submit_job("f")
      expect(seen).to equal(Thread.current)
      expect(task).not_to be_done
      expect(task.value).to eq("")
    end

    it "tells its Task all that the handler says, in order" do
      testing.register("f") do |job|
        job.status(1, 2)
        job.send_data("data")
        job.warning("warning")
        "result"
      end
      told = []
      task = client.submit_job("f", on_data: ->(bytes) { told << [:data, bytes] }) { |*outcome| told << outcome }
      task.on_created { |handle| told << [:created, handle] }.on_status { |*numbers| told << numbers }
      task.on_warning { |bytes| told << [:warning, bytes] }.on_data { |bytes| told << [:late, bytes] }
      expect([told, task.state]).to eq([[], :sent])
      expect(task.value).to eq("result")
      expect(told).to eq([[:created, task.handle], %w[1 2], [:data, "data"], [:late, "data"], [:warning, "warning"],
                          ["result", nil]])
      expect(task).to have_attributes(progress: [1, 2], handle: /\AF:\d+\z/, client: client)
    end

    it "fails by what the handler raises" do
      testing.register("f") { raise IOError, "no page" }
      told = []
      task = client.submit_job("f").on_exception { |bytes| told << bytes }
      expect { task.value }.to raise_error(EVGearman::JobExceptionError, /\Aexception: no page, of f F:/)
      expect([task.error.data, told]).to eq(["no page", ["no page"]])
    end

    it "fails by what the handler decides" do
      testing.register("f", &:fail)
      testing.register("g") { |job| job.exception("no") }
      expect { client.call("f") }.to raise_error(EVGearman::JobFailedError)
      expect { client.call("g") }.to raise_error(EVGearman::JobExceptionError, /no/)
    end

    it "fails without a word where exceptions are not asked for, or not told" do
      testing.register("f") { raise "no page" }
      expect { client_for(Faked::NOWHERE, exceptions: false).call("f") }.to raise_error(EVGearman::JobFailedError)
      worker_for(Faked::NOWHERE, exceptions: false, on_callback_error: nil).register_function("g") { raise "no page" }
      expect { client.call("g") }.to raise_error(EVGearman::JobFailedError)
    end

    it "fails when nobody here can run it, with an error that names register" do
      expect { client.call("strange") }.to raise_error(EVGearman::Error, /Testing\.register.*of strange/)
      expect(testing.jobs).to be_empty
    end

    it "has its workload and result made by coders" do
      testing.register("sum", coder: JSON) { |job| { "sum" => job.workload.sum } }
      expect(client.call("sum", [1, 2], coder: JSON)).to eq("sum" => 3)
      expect(client_for(Faked::NOWHERE, coder: JSON).map("sum", [[1], [2]])).to eq([{ "sum" => 1 }, { "sum" => 2 }])
      expect(client.call("reverse", "ab", encoding: "UTF-8").encoding).to eq(Encoding::UTF_8)
      expect(client.call("reverse", "ab").encoding).to eq(Encoding::BINARY)
    end

    it "may submit others, as its handler likes" do
      testing.register("twice") { |job| job.worker.client.call("reverse", EVGearman.call("reverse", job.workload)) }
      expect(client.call("twice", "abc")).to eq("abc")
    end

    it "may submit itself" do
      testing.register("down") { |job| job.workload == "0" ? "0" : job.workload + client.call("down", job.workload.to_i.pred.to_s) }
      expect(client.call("down", "30")).to eq(30.downto(0).to_a.join)
    end

    it "may be run inside of a block" do
      result = nil
      client.submit_job("reverse", "abc") { |first, _| result = client.call("reverse", first) }.value
      expect(result).to eq("abc")
    end

    it "may be finished later, from any thread" do
      jobs = Thread::Queue.new
      testing.register("f", async: true) { |job| jobs << job }
      task = client.submit_job("f", timeout: 60)
      thread = Thread.new do
        job = jobs.pop
        job.send_data("data")
        job.complete("done")
      end
      told = []
      task.on_data { |bytes| told << bytes }
      expect(task.value).to eq("done")
      expect(told).to eq(["data"])
      thread.join
    end

    it "may be finished behind others" do
      jobs = []
      testing.register("f", async: true) { |job| jobs << job }
      tasks = Array.new(3) { |n| client.submit_job("f", n.to_s) }
      jobs.reverse_each { |job| job.complete("done #{job.workload}") }
      expect(tasks.map(&:value)).to eq(["done 0", "done 1", "done 2"])
    end

    it "that nobody finishes is no reason to wait at the end of the program" do
      text, status = run_ruby("-e", <<~RUBY)
        require "evgearman/testing"
        EVGearman::Testing.inline!
        EVGearman::Testing.register("f", async: true) { nil }
        100.times { EVGearman.client.submit_job("f") }
        GC.start
      RUBY
      expect([text, status.success?]).to eq(["", true])
    end

    it "may be submitted by the coder of another" do
      coder = Struct.new(:client) do
        def dump(value) = client.call("reverse", value)
        def load(bytes) = bytes
      end
      expect(client.call("reverse", "abc", coder: coder.new(client))).to eq("abc")
    end

    it "takes no key away from a job that is kept" do
      first = testing.fake! { client.enqueue("reverse", unique: "key") }
      client.call("reverse", "abc", unique: "key")
      expect(testing.fake! { client.enqueue("reverse", unique: "key") }).to eq(first)
    end

    it "has ended for its blocks, when the handler was left by a jump" do
      told = nil
      testing.register("f") { throw :out }
      expect { client.submit_job("f") { |_, error| told = error } }.to throw_symbol(:out)
      client.ping
      expect(told).to be_a(EVGearman::JobFailedError)
    end

    it "does not swallow a timeout of who submits" do
      testing.register("f") { sleep }
      expect { Timeout.timeout(0.01) { client.call("f") } }.to raise_error(Timeout::Error)
    end

    it "may be run from many threads and fibers at once" do
      results = Array.new(4) { |n| Thread.new { client.map("reverse", Array.new(50) { |i| "#{n}-#{i}" }) } }.map(&:value)
      expect(results).to eq(Array.new(4) { |n| Array.new(50) { |i| "#{n}-#{i}".reverse } })
    end
  end

  describe "a background job" do
    it "is run before its submission returns, and resolves with a handle" do
      ran = []
      testing.register("f") { |job| ran << job.workload && nil }
      task = client.submit_job_bg("f", "1")
      expect(ran).to eq(["1"])
      expect(task.value).to match(/\AF:\d+\z/)
      client.enqueue("f", "2", at: Time.now + 3600)
      expect(client.submit_jobs_bg([%w[f 3], %w[f 4]]).value.size).to eq(2)
      expect(ran).to eq(%w[1 2 3 4])
      expect([testing.jobs, testing.submissions.size]).to eq([[], 4])
    end

    it "is kept when nobody here can run it" do
      handle = client.enqueue("strange")
      expect(testing.jobs.map(&:handle)).to eq([handle])
      testing.register("strange") { nil }
      expect(testing.drain).to eq(1)
    end

    it "raises what its handler raises, since nobody would hear of it" do
      testing.register("f") { raise IOError, "oops" }
      expect { client.enqueue("f") }.to raise_error(IOError, "oops")
      expect { client.submit_job_bg("f") }.to raise_error(IOError, "oops")
      expect(testing.jobs).to be_empty
    end

    it "that raises leaves those of its batch behind it" do
      testing.register("bad") { raise "oops" }
      expect { client.submit_jobs_bg([%w[reverse 1], %w[bad 2], %w[reverse 3]]) }.to raise_error("oops")
      expect(testing.jobs.map(&:workload)).to eq(["3"])
      expect(client.ping).to be_a(Float)
    end

    it "is not run inside of itself: its key is taken" do
      ran = 0
      testing.register("f") { |job| (ran += 1) && client.enqueue("f", unique: job.unique) }
      client.enqueue("f", unique: "key")
      expect(ran).to eq(1)
    end
  end
end
