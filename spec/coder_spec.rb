# frozen_string_literal: true

require "json"

RSpec.describe "Values and bytes" do
  include Children

  # Wraps values, so that one sees who coded what.
  let(:coder) do
    Class.new do
      def dump(value) = "<#{value}>"
      def load(bytes) = [:loaded, bytes]
    end.new
  end

  let(:refusing) do
    Class.new do
      def dump(_value) = raise(RangeError, "cannot dump")
      def load(_bytes) = raise(RangeError, "cannot load")
    end.new
  end

  let(:name) { function }

  # Echoes workloads as they come, bytes for bytes.
  def serve(name, &handler)
    handler ||= lambda(&:workload)
    worker_for(shared_server, on_callback_error: ->(*) {}).register_function(name, &handler).work
  end

  describe "a client's coder" do
    let(:client) { client_for(shared_server, coder: JSON) }

    it "makes bytes of workloads and values of results" do
      seen = []
      serve(name) { |job| seen << job.workload and '{"size":[10,20]}' }
      expect(client.call(name, { "id" => 7 })).to eq({ "size" => [10, 20] })
      expect(seen).to eq(['{"id":7}'])
    end

    it "is one for every kind of request" do
      seen = []
      jobs = [client.submit_job_bg(name, [1]), client.submit_job_high_bg(name, [2]), client.submit_job_low_bg(name, [3]),
              client.submit_job_epoch(name, [4], 0), client.submit_job_high(name, [5]), client.submit_job_low(name, [6])]
      serve(name) { |job| seen << job.workload and job.workload }
      client.enqueue(name, [7])
      client.enqueue(name, [8], at: 0)
      EVGearman::Task.all(jobs)
      settle(client)
      eventually { seen.size == 8 }
      expect(seen.sort).to eq((1..8).map { |n| "[#{n}]" })
      expect(jobs.last(2).map(&:value)).to eq([[5], [6]])
      expect(jobs.first.value).to be_a(String)
    end

    it "decodes for blocks what it decodes for those who wait" do
      serve(name)
      seen = []
      task = client.submit_job(name, { "a" => 1 }) { |*args| seen << args }
      task.on_complete { |value| seen << value }
      expect(task.value).to eq({ "a" => 1 })
      expect(task.result).to equal(task.value)
      expect(seen).to eq([[{ "a" => 1 }, nil], { "a" => 1 }])
    end

    it "maps" do
      serve(name)
      expect(client.map(name, [1, nil, "x"], concurrency: 2)).to eq([1, nil, "x"])
    end

    it "leaves alone what a worker reports on the way" do
      serve(name) { |job| job.send_data("[1]") && job.warning("[2]") && "[3]" }
      seen = []
      expect(client.call(name, nil, on_data: seen.method(:<<), on_warning: seen.method(:<<))).to eq([3])
      expect(seen).to eq(%w[[1] [2]])
    end

    it "makes way for that of a call, or for none" do
      serve(name)
      expect(client.call(name, "x", coder: coder)).to eq([:loaded, "<x>"])
      expect(client.map(name, ["y"], coder: coder)).to eq([[:loaded, "<y>"]])
      expect(client.call(name, "x", coder: nil)).to eq("x")
      expect(client.call(name, "x", coder: :default)).to eq("x")
      expect(client.submit_job_high(name, "z", coder: coder).value).to eq([:loaded, "<z>"])
    end

    it "may serve one call of a client that has none" do
      serve(name)
      plain = client_for(shared_server)
      expect(plain.call(name, [1], coder: JSON)).to eq([1])
      expect(plain.call(name, "[1]")).to eq("[1]")
    end

    it "makes keys of what is sent, where the workload is the key" do
      tasks = [client.submit_job(name, { "a" => 1 }, unique: "-"), client.submit_job(name, { "a" => 1 }, unique: "-")]
      eventually { tasks.all?(&:handle) }
      expect(tasks.map(&:handle).uniq.size).to eq(1)
      serve(name)
      expect(tasks.map(&:value)).to eq([{ "a" => 1 }] * 2)
    end

    it "is not asked about handles, echoes and answers of the server" do
      client = client_for(shared_server, coder: refusing)
      expect(client.echo("x").value).to eq("x")
      expect(client.server_version.value).to be_a(String)
      expect(client.get_status("H:none:1").value).not_to be_known
      expect(client.submit_job_bg(name, "x", coder: nil).value).to be_a(String)
    end

    it "raises in the caller what it cannot dump, and nothing is sent" do
      client.ping
      sent = client.stats[:submitted]
      %i[submit_job submit_job_high submit_job_bg submit_job_low_bg call enqueue].each do |request|
        expect { client.public_send(request, name, "x", coder: refusing) }.to raise_error(RangeError, "cannot dump")
      end
      expect { client.map(name, ["x"], coder: refusing) }.to raise_error(RangeError)
      expect(client.stats[:submitted]).to eq(sent)
    end

    # Fails when JSON.load is called, with json before 2.10.
    it "makes no object of a class that the bytes name, and nil of none" do
      serve(name) { |job| job.workload == '"none"' ? "" : '{"json_class":"EVGearman::Loop"}' }
      expect(EVGearman::Loop).not_to receive(:json_create)
      expect(client.call(name, "some")).to eq("json_class" => "EVGearman::Loop")
      expect(client.call(name, "none")).to be_nil
    end

    it "fails the Task with what it cannot load" do
      serve(name) { "no JSON" }
      seen = []
      task = client.submit_job(name, 1) { |value, error| seen << [value, error.class] }
      expect { task.value }.to raise_error(JSON::ParserError)
      expect(task).to have_attributes(failed?: true, result: nil)
      expect(seen).to eq([[nil, JSON::ParserError]])
      expect(client.echo("goes on").value).to eq("goes on")
    end

    it "has to make a String" do
      number = Class.new(coder.class) { def dump(_value) = 1 }.new
      expect { client.call(name, "x", coder: number) }.to raise_error(TypeError)
    end
  end

  describe "encoding:" do
    let(:client) { client_for(shared_server, encoding: "UTF-8") }

    it "is that of results" do
      serve(name)
      expect(client.call(name, "äöü")).to eq("äöü").and have_attributes(encoding: Encoding::UTF_8)
      expect(client.call(name, "\xE4".b, encoding: Encoding::ISO_8859_1).encode("UTF-8")).to eq("ä")
      expect(client.call(name, "ä", encoding: nil).encoding).to eq(Encoding::BINARY)
      expect(client_for(shared_server).call(name, "ä", encoding: "UTF-8")).to eq("ä")
    end

    it "is that of what a worker reports" do
      seen = []
      serve(name) { |job| job.send_data("ä") && job.warning("ö") && raise("ü") }
      hooks = %i[on_data on_warning on_exception].to_h { |hook| [hook, seen.method(:<<)] }
      expect { client.call(name, "", **hooks) }.to raise_error(EVGearman::JobExceptionError) { |error|
        expect(error.data).to eq("ü")
      }
      expect(seen).to eq(%w[ä ö ü])
    end

    it "is that of the bytes that a coder loads" do
      serve(name)
      expect(client.call(name, "ä", coder: coder)).to eq([:loaded, "<ä>"])
      expect(client.call(name, "ä", coder: coder, encoding: nil)).to eq([:loaded, "<ä>".b])
    end

    it "says nothing about handles, echoes and the server" do
      expect(client.echo("ä").value.encoding).to eq(Encoding::BINARY)
      expect { client.submit_job_bg(name, "", encoding: "UTF-8") }.to raise_error(ArgumentError, /encoding/)
    end
  end

  describe "a worker's coder" do
    let(:client) { client_for(shared_server) }
    let(:reported) { [] }
    let(:worker) { worker_for(shared_server, coder: JSON, on_callback_error: ->(error, _) { reported << error }) }

    it "makes values of workloads and bytes of whatever a handler answers" do
      worker.register_function(name) { |job| job.workload.merge("done" => true) }.work
      expect(client.call(name, '{"a":1}')).to eq('{"a":1,"done":true}')
      worker.register_function(name) { nil }
      expect(client.call(name, "{}")).to eq("null")
    end

    it "speaks with a client that has the same" do
      worker.register_function(name) { |job| job.workload.sum }.work
      expect(client_for(shared_server, coder: JSON).map(name, [[1, 2], [3, 4]])).to eq([3, 7])
    end

    it "looks at a workload when it is asked for, once" do
      loads = []
      counting = Class.new(coder.class) { define_method(:load) { |bytes| loads << bytes and super(bytes) } }.new
      worker.register_function(name, coder: counting) { |job| job.workload.equal?(job.data) }.work
      expect(client.call(name, "x")).to eq("<true>")
      expect(loads).to eq(["x"])
      worker.register_function(name, coder: counting) { "not asked for" }
      expect(client.call(name, "y")).to eq("<not asked for>")
      expect(loads).to eq(["x"])
    end

    it "fails the job when it cannot load" do
      worker.register_function(name) { |job| job.workload && "never" }.work
      expect { client.call(name, "no JSON") }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).not_to be_empty }
      expect(reported).to match([JSON::ParserError])
    end

    it "fails the job when it cannot dump" do
      worker.register_function(name, coder: refusing) { "x" }.work
      expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to eq("cannot dump") }
      number = Class.new(coder.class) { def dump(_value) = 1 }.new
      worker.register_function(name, coder: number) { "x" }
      expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to match(/String/) }
      expect(reported).to match([RangeError, TypeError])
    end

    it "lets a handler rescue what it cannot load, and ask again" do
      worker.register_function(name) { |job| Array.new(2) { job.workload rescue "bad" } }.work
      expect(client.call(name, "no JSON")).to eq('["bad","bad"]')
    end

    it "is for what completes a job, and for nothing else" do
      worker.register_function(name, async: true) do |job|
        job.send_data("[data]")
        job.warning("[warning]")
        job.workload == { "fail" => true } ? job.exception("as it is") : job.complete(job.workload.keys)
      end.work
      seen = []
      hooks = { on_data: seen.method(:<<), on_warning: seen.method(:<<) }
      expect(client.call(name, '{"a":1}', **hooks)).to eq('["a"]')
      expect { client.call(name, '{"fail":true}', **hooks) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to eq("as it is") }
      expect(seen).to eq(%w[[data] [warning]] * 2)
    end

    it "leaves a job open whose result it cannot dump" do
      seen = []
      worker.register_function(name, async: true, coder: refusing) { |job| (job.complete(1) rescue seen << $!.message) and job.fail }.work
      expect { client.call(name) }.to raise_error(EVGearman::JobFailedError)
      expect(seen).to eq(["cannot dump"])
    end

    it "makes way for that of a function, or for none" do
      worker.register_function(name, coder: coder) { |job| job.workload.last.upcase }.work
      expect(client.call(name, "x")).to eq("<X>")
      worker.register_function(name, coder: nil) { |job| job.workload.reverse }
      expect(client.call(name, "xy")).to eq("yx")
    end

    it "is there on the threads of a pool" do
      pooled = worker_for(shared_server, coder: JSON, concurrency: 3)
      pooled.register_function(name) { |job| job.workload * 2 }.work
      expect(client.map(name, %w[1 2 3 4 5])).to eq(%w[2 4 6 8 10])
    end

    it "is there for a job that was grabbed" do
      worker.can_do(name)
      task = client.submit_job(name, "[1,2]")
      eventually { task.handle }
      job = worker.grab_job.value
      expect(job.workload).to eq([1, 2])
      job.complete({ "n" => 2 })
      expect(task.value).to eq('{"n":2}')
    end

    it "is that of the client on its connection" do
      worker.register_function(name) { |job| job.workload }.work
      expect(worker.client.coder).to eq(JSON)
      expect(worker.client.call(name, { "a" => [1] })).to eq({ "a" => [1] })
    end

    it "is refused when it is none" do
      expect { worker.register_function(name, coder: Object.new) { nil } }.to raise_error(ArgumentError, /coder/)
      expect { worker.register_function(name, encoding: "UTF-9") { nil } }.to raise_error(ArgumentError, /encoding/)
      expect { EVGearman::Worker.new(coder: Object.new) }.to raise_error(ArgumentError, /coder/)
    end
  end

  describe "a worker's encoding" do
    it "is that of workloads" do
      seen = []
      worker = worker_for(shared_server, encoding: "UTF-8")
      worker.register_function(name) { |job| seen << job.workload and nil }.work
      client_for(shared_server).call(name, "äöü")
      worker.register_function(name, encoding: nil) { |job| seen << job.workload and nil }
      client_for(shared_server).call(name, "ä")
      worker.register_function(name, coder: coder, encoding: Encoding::ISO_8859_1) { |job| seen << job.workload.last and nil }
      client_for(shared_server).call(name, "\xE4")
      expect(seen.map(&:encoding)).to eq([Encoding::UTF_8, Encoding::BINARY, Encoding::ISO_8859_1])
      expect(seen.first).to eq("äöü")
    end
  end

  describe "what is none" do
    let(:client) { client_for(fake_server) }

    it "is refused as a coder" do
      [Object.new, "JSON", Class.new { def dump = nil }.new].each do |object|
        expect { EVGearman::Client.new(coder: object) }.to raise_error(ArgumentError, /coder must answer dump and load/)
        expect { client.submit_job("f", "", coder: object) }.to raise_error(ArgumentError, /coder/)
        expect { client.submit_job_bg("f", "", coder: object) }.to raise_error(ArgumentError, /coder/)
      end
      expect(client.stats[:submitted]).to eq(0)
    end

    it "is refused as an encoding" do
      ["UTF-9", 8, "a\0b", :utf].each do |object|
        expect { EVGearman::Client.new(encoding: object) }.to raise_error(ArgumentError)
        expect { client.submit_job("f", "", encoding: object) }.to raise_error(ArgumentError)
      end
      expect(client.stats[:submitted]).to eq(0)
    end

    it "is known of a client" do
      expect(client).to have_attributes(coder: nil, encoding: Encoding::BINARY)
      coded = client_for(fake_server, coder: JSON, encoding: Encoding::UTF_8)
      expect(coded).to have_attributes(coder: JSON, encoding: Encoding::UTF_8)
    end
  end

  # A submission without a key is one Task, and one Task only. In a process of its own: other specs load what is around
  # submissions.
  it "cost a client without coder no object" do
    text, = child(<<~'RUBY', url: "127.0.0.1:1")
      client = client()
      arguments = ["f", "workload"].each(&:freeze)
      made = lambda do |times|
        before = GC.stat(:total_allocated_objects)
        times.times { client.submit_job(*arguments) }
        GC.stat(:total_allocated_objects) - before
      end
      made.call(10)
      puts made.call(1010) - made.call(10)
      exit!
    RUBY
    expect(Integer(text)).to be_between(1000, 1050)
  end
end
