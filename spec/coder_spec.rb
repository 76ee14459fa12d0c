# frozen_string_literal: true

require "json"

RSpec.describe "Values and bytes" do
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
    worker_for(Gearmand.shared, on_callback_error: ->(*) {}).register_function(name, &handler).work
  end

  describe "a client's coder", :gearmand do
    let(:client) { client_for(Gearmand.shared, coder: JSON) }

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
      plain = client_for(Gearmand.shared)
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
      client = client_for(Gearmand.shared, coder: refusing)
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

  describe "encoding:", :gearmand do
    let(:client) { client_for(Gearmand.shared, encoding: "UTF-8") }

    it "is that of results" do
      serve(name)
      expect(client.call(name, "äöü")).to eq("äöü").and have_attributes(encoding: Encoding::UTF_8)
      expect(client.call(name, "\xE4".b, encoding: Encoding::ISO_8859_1).encode("UTF-8")).to eq("ä")
      expect(client.call(name, "ä", encoding: nil).encoding).to eq(Encoding::BINARY)
      expect(client_for(Gearmand.shared).call(name, "ä", encoding: "UTF-8")).to eq("ä")
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

  # A submission without a key is one Task, and one Task only.
  it "cost a client without coder no object" do
    client = client_for(fake_server)
    arguments = ["f", "workload"].each(&:freeze)
    made = ->(times) { allocations { times.times { client.submit_job(*arguments) } } }
    made.call(10)
    expect(made.call(1010) - made.call(10)).to be_between(1000, 1050)
  end

  def allocations
    before = GC.stat(:total_allocated_objects)
    yield
    GC.stat(:total_allocated_objects) - before
  end
end
