# frozen_string_literal: true

require "json"

RSpec.describe "Many background jobs at once" do
  let(:name) { function }

  describe "on a real server" do
    let(:client) { client_for(shared_server) }

    def serve(name, &handler)
      worker_for(shared_server).register_function(name, &handler).work
    end

    it "answers their handles in order" do
      handles = client.submit_jobs_bg([[name, "a"], [name, "b"], [name, "c"]]).value
      ran = []
      serve(name) { |job| ran << [job.handle, job.workload] and nil }
      eventually { ran.size == 3 }
      expect(ran).to eq(handles.zip(%w[a b c]))
    end

    it "takes what enqueue takes for each of them" do
      ran = []
      client.submit_jobs_bg([[name, "low", { priority: :low }], [name, "plain"], [name, "high", { priority: :high }], [name],
                             [name, "twice", { unique: "key" }], [name, "twice", { unique: "key" }],
                             [name, "past", { at: Time.now - 5 }]]).value
      serve(name) { |job| ran << job.workload and nil }
      eventually { ran.size == 6 }
      expect(ran).to eq(["high", "plain", "", "twice", "past", "low"])
    end

    it "delays those that are to wait" do
      ran = []
      client.submit_jobs_bg([[name, "later", { in: 1000 }], [name, "then", { at: Time.now + 1000 }], [name, "now"]]).value
      serve(name) { |job| ran << job.workload and nil }
      eventually { ran.any? }
      settle(client)
      expect(ran).to eq(["now"])
      expect(shared_server.status(name).first).to eq(2)
    end

    it "makes a key for each" do
      keys = []
      worker_for(shared_server).register_function(name) { |job| keys << job.unique and nil }.work
      client.submit_jobs_bg(Array.new(50) { [name] } + [[name, "none", { unique: nil }], [name, "none", { unique: "" }]]).value
      eventually { keys.size == 52 }
      expect(keys.compact.uniq.size).to eq(50)
    end

    it "shares keys with nobody" do
      keys = []
      worker_for(shared_server).register_function(name) { |job| keys << job.unique and nil }.work
      client.submit_job_bg(name)
      client.submit_jobs_bg([[name], [name]])
      client.submit_job_bg(name).value
      eventually { keys.size == 4 }
      expect(keys.uniq.size).to eq(4)
    end

    it "encodes by the client's coder, the batch's, or the job's own" do
      ran = []
      coded = client_for(shared_server, coder: JSON)
      yelling = Module.new do
        def self.dump(value) = value.to_s.upcase
        def self.load(bytes) = bytes
      end
      coded.submit_jobs_bg([[name, [1]], [name, "raw", { coder: nil }], [name, "own", { coder: yelling }]]).value
      coded.submit_jobs_bg([[name, :b], [name, :c, { coder: JSON }]], coder: yelling).value
      serve(name) { |job| ran << job.workload and nil }
      eventually { ran.size == 5 }
      expect(ran).to eq(["[1]", "raw", "OWN", "B", '"c"'])
    end

    it "tells a block all of it, once" do
      seen = []
      task = client.submit_jobs_bg([[name, "a"], [name, "b"]]) { |*args| seen << args }
      task.on_finish { |*args| seen << args }
      expect(seen).to be_empty
      expect(task.value).to all(be_a(String))
      expect(seen).to eq([[task.value, nil]] * 2)
    end

    it "is empty where there is none" do
      seen = []
      expect(client.submit_jobs_bg([]) { |value, error| seen << [value, error] }.value).to eq([])
      expect(seen).to eq([[[], nil]])
    end

    it "takes any Enumerable" do
      expect(client.submit_jobs_bg({ name => "a" }).value.size).to eq(1)
      expect(client.submit_jobs_bg((1..3).lazy.map { |n| [name, n.to_s] }).value.size).to eq(3)
    end

    it "has room for 20,000" do
      handles = client.submit_jobs_bg(Array.new(20_000) { |n| [name, n.to_s] }).value
      expect(handles.uniq.size).to eq(20_000)
      expect(shared_server.status(name)).to eq([20_000, 0, 0])
      client.drop_function(name, force: true)
    end

    it "tells of each whether its queue was full" do
      client.enqueue(name)
      client.maxqueue(name, 2).value
      results = client.submit_jobs_bg([[name], [name], [function("other")]]).value
      expect(results.values_at(0, 2)).to all(be_a(String))
      expect(results[1]).to be_a(EVGearman::QueueFullError)
    end
  end

  describe "when something is wrong with one of them" do
    let(:client) { client_for(fake_server, max_packet: 1000) }

    {
      "no function" => [""], "no String" => [1, "x"], "a workload that is none" => ["f", 1], "nil for a workload" => ["f", nil],
      "an unknown priority" => ["f", "x", { priority: :urgent }], "an unknown option" => ["f", "x", { colour: 1 }],
      "an option of foreground jobs" => ["f", "x", { on_data: :puts.to_proc }],
      "two times" => ["f", "x", { at: 1, in: 1 }], "a delay with a priority" => ["f", "x", { in: 1, priority: :high }],
      "a negative delay" => ["f", "x", { in: -1 }], "a time that is none" => ["f", "x", { at: "noon" }],
      "an endless delay" => ["f", "x", { in: Float::INFINITY }], "a time out of range" => ["f", "x", { at: 2**63 }],
      "a key that is too long" => ["f", "x", { unique: "k" * 64 }], "no coder" => ["f", "x", { coder: Object.new }],
      "options that are no Hash" => ["f", "x", :high], "too much" => ["f", "x", {}, 1], "what could pass for checked" => ["f", "x", nil, 18, nil, nil],
      "nothing at all" => [], "no Array" => "f", "nil" => nil
    }.each do |what, job|
      it "raises for #{what}, and sends none" do
        expect { client.submit_jobs_bg([["f", "good"], job, ["f", "good"]]) }.to raise_error(StandardError) { |error|
          expect([ArgumentError, TypeError]).to include(error.class)
        }
        expect(client.stats[:submitted] + client.unsent_bytes).to eq(0)
      end
    end

    it "raises for one that is too large, and sends none" do
      expect { client.submit_jobs_bg([%w[f good], ["g", "x" * 1000]]) }
        .to raise_error(EVGearman::PacketTooLargeError, "payload too large, of g (#{client.server})")
      expect(client.stats[:submitted] + client.unsent_bytes).to eq(0)
    end

    it "raises what a coder cannot dump, and sends none" do
      loud = Module.new do
        def self.dump(value) = value == "bad" ? raise(RangeError, "cannot") : value
        def self.load(bytes) = bytes
      end
      expect { client.submit_jobs_bg([%w[f good], %w[f bad]], coder: loud) }.to raise_error(RangeError, "cannot")
      expect(client.stats[:submitted]).to eq(0)
    end

    it "bears a coder that empties what it is given" do
      jobs = [["f", "a", { coder: nil }], %w[f b]]
      thief = Module.new
      thief.define_singleton_method(:load) { |bytes| bytes }
      thief.define_singleton_method(:dump) { |value| jobs.each(&:clear) and value }
      client.submit_jobs_bg(jobs, coder: thief)
      expect(client.stats[:submitted]).to eq(2)
      client.disconnect
    end

    it "raises when the client is closed" do
      client.close
      expect { client.submit_jobs_bg([["f"]]) }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
    end
  end

  describe "when there is no more room" do
    it "queues what there is room for; the others meet that error" do
      client = client_for(fake_server, max_unsent: 1000)
      task = client.submit_jobs_bg(Array.new(10) { |n| [n < 8 ? "f" : "g", "x" * 400] })
      expect(client.stats).to include(submitted: 3, pending: 3)
      client.disconnect
      results = task.value
      expect(results.map(&:class)).to eq([EVGearman::DisconnectedError] * 3 + [EVGearman::BackpressureError] * 7)
      expect(results.map(&:delivery).uniq).to eq([:not_sent])
      expect(results.map { |error| error.message[/, of (\w)/, 1] }.join).to eq("ffffffffgg")
      expect(results.uniq(&:object_id).size).to eq(5)
    end

    it "ends at once when there was none at all" do
      client = client_for(fake_server, max_unsent: 10)
      client.submit_job_bg("f", "x" * 100)
      expect(client.submit_jobs_bg([["f"]] * 2).value).to all(be_a(EVGearman::BackpressureError))
      client.disconnect
    end
  end

  describe "with a server that comes and goes" do
    it "says of each what became of it" do
      server = fake_server do |peer|
        3.times { peer.expect(:submit_job_bg) }
        peer.send(:job_created, "H:1")
        peer.send(:error, "QUEUE_ERROR", "Job queue is full")
        peer.close
      end
      functions = [+"f", +"g", +"h"]
      task = client_for(server).submit_jobs_bg(functions.map { |name| [name] })
      functions.each(&:clear)
      results = task.value
      expect(results.drop(1).map { |error| error.message[/, of (\w)/, 1] }).to eq(%w[g h])
      expect(results.map { |result| result.is_a?(String) ? result : result.class })
        .to eq(["H:1", EVGearman::QueueFullError, EVGearman::DisconnectedError])
      expect(results[2]).to have_attributes(delivery: :unacknowledged, retriable?: true, server: server.url)
    end

    it "waits for a connection, as every request does" do
      server = fake_server { |peer| 2.times { |n| peer.expect(:submit_job_bg) && peer.send(:job_created, "H:#{n}") } }
      server.close
      task = client_for(server, reconnect_delay: 0.01, reconnect_max_delay: 0.05).submit_jobs_bg([["f"], ["f"]])
      expect(task.wait(0.1)).to be_nil
      expect(task.state).to eq(:waiting)
      server.start
      expect(task.value).to eq(%w[H:0 H:1])
    end

    it "is sent, and done, as one Task" do
      go = Queue.new
      server = fake_server { |peer| peer.expect(:submit_job_bg) && go.pop && peer.send(:job_created, "H:1") && peer.send(:job_created, "H:2") }
      task = client_for(server).submit_jobs_bg([["f"], ["f"]])
      eventually { task.state == :sent }
      expect(task).to have_attributes(done?: false, result: nil, handle: nil, function: nil, unique: nil)
      go << true
      eventually { task.done? }
      expect(task).to have_attributes(state: :succeeded, success?: true, result: %w[H:1 H:2])
    end

    it "fails in a forked child, and not in its parent" do
      go = Queue.new
      server = fake_server { |peer| peer.expect(:submit_job_bg) && go.pop && peer.send(:job_created, "H:1") && peer.send(:job_created, "H:2") }
      task = client_for(server).submit_jobs_bg([["f"], ["f"]])
      eventually { task.state == :sent }
      expect(forked { task.value.map { |error| error.class.name } }).to eq(["EVGearman::ForkedError"] * 2)
      go << true
      expect(task.value).to eq(%w[H:1 H:2])
    end
  end

  it "makes no object for each job but its handle" do
    client = client_for(fake_server, max_unsent: 1_000_000_000)
    made = lambda do |count|
      jobs = Array.new(count) { %w[f workload] }
      before = GC.stat(:total_allocated_objects)
      client.submit_jobs_bg(jobs)
      GC.stat(:total_allocated_objects) - before
    end
    made.call(10)
    expect(made.call(1010) - made.call(10)).to be_between(-50, 50)
    client.disconnect
  end

  it "may be forgotten with its client, at any time" do
    made = []
    20.times do
      other = EVGearman::Loop.new
      client = EVGearman::Client.new(host: "127.0.0.1", port: 1, loop: other, on_error: ->(_) {})
      client.submit_jobs_bg([["f"], ["f"]])
      made << client.stats[:pending]
    end
    3.times { GC.start }
    expect(made).to all(eq(2))
  end
end
