# frozen_string_literal: true

require "evgearman/testing"
require "weakref"

RSpec.describe EVGearman::Client, "under evgearman/testing", :faked do
  before { testing.fake! }

  it "is answered its echoes and pings, and has nothing to flush" do
    expect([client.echo("data").value, client.ping, client.flush]).to match(["data", be_a(Float), true])
  end

  it "waits for its answers when it is flushed" do
    task = client.submit_job_bg("f")
    expect([task.done?, client.flush, task.done?]).to eq([false, true, true])
  end

  it "is answered in the order in which it asked" do
    told = []
    client.echo("1") { |data, _| told << data }
    client.submit_job_bg("f") { |handle, _| told << handle }
    client.get_status("F:0") { |status, _| told << status.known? }
    client.echo("2") { |data, _| told << data }.value
    expect(told).to eq(["1", testing.jobs.first.handle, false, "2"])
  end

  it "knows several servers, and asks none of them" do
    several = keep(EVGearman::Client.new(servers: %w[127.0.0.1:1 127.0.0.1:2], loop: loop, on_error: nil))
    tasks = [several.submit_job_bg("f"), several.at("127.0.0.1:2").submit_job_bg("f")]
    expect(tasks.map(&:value)).to eq(testing.jobs.map(&:handle))
    expect([several.servers, tasks.last.server]).to eq([%w[127.0.0.1:1 127.0.0.1:2], "127.0.0.1:2"])
    expect([several.ping, several.server_status.value["f"].total]).to match([be_a(Float), 2])
  end

  it "knows one option, as a server" do
    expect(client.option("exceptions").value).to be(true)
    expect { client.option("other").value }.to raise_error(EVGearman::ServerError, /UNKNOWN_OPTION/)
  end

  it "is told what is kept by the questions to the server" do
    testing.register("mail") { nil }
    2.times { client.enqueue("mail", unique: nil, priority: :high) }
    client.enqueue("page", unique: "key", in: 60)
    expect(client.server_status.value.map(&:to_a)).to eq([["mail", 2, 0, 1], ["page", 1, 0, 0]])
    expect(client.priority_status.value.map(&:to_a)).to eq([["mail", 2, 0, 0, 1], ["page", 0, 1, 0, 0]])
    expect(client.jobs.value.map(&:handle)).to eq(testing.jobs.map(&:handle))
    expect(client.unique_jobs.value).to eq(["", "", "key"])
    expect(client.server_workers.value).to be_empty
    expect(client.server_version.value).to include("testing")
  end

  it "may cancel what is kept" do
    handle = client.enqueue("mail")
    expect(client.cancel_job(handle).value).to be(true)
    expect { client.cancel_job(handle).value }.to raise_error(EVGearman::JobNotFoundError)
    expect(testing.jobs).to be_empty
  end

  it "is told that there is no answer to other questions" do
    questions = [-> { client.maxqueue("f", 1) }, -> { client.server_pid }, -> { client.admin("strange") }]
    questions.each { |question| expect { question.call.value }.to raise_error(EVGearman::ServerError, /EVGearman::Testing/) }
  end

  it "knows running jobs in its status" do
    rows = nil
    testing.register("f") { (rows = client.server_status.value.map(&:to_a)) && nil }
    client.enqueue("f")
    testing.drain
    expect(rows).to eq([["f", 1, 1, 1]])
  end

  it "fails what is under way when it is disconnected, and goes on" do
    testing.inline!
    testing.register("f", async: true) { nil }
    task = client.submit_job("f")
    client.ping
    client.disconnect
    expect(task.error).to be_a(EVGearman::DisconnectedError)
    expect(client.ping).to be_a(Float)
    task = client.submit_job("f")
    client.close
    expect(task.error).to be_a(EVGearman::DisconnectedError)
  end

  it "calls its blocks before it is closed, and takes nothing more" do
    told = nil
    client.submit_job_bg("f") { |handle, _| told = handle }
    client.close
    expect(told).to eq(testing.jobs.first.handle)
    expect { client.echo("a") }.to raise_error(EVGearman::ConnectionError, /closed/)
    expect([client.closed?, client.connected?]).to eq([true, false])
  end

  it "is closed with its worker" do
    of_worker = worker.client
    of_worker.enqueue("f")
    worker.close
    expect { of_worker.enqueue("f") }.to raise_error(EVGearman::ConnectionError, /closed/)
  end

  it "shows its packets to on_packet" do
    told = []
    client.on_packet { |direction, name, _| told << [direction, name] }
    client.enqueue("f")
    expect(told).to include([:out, :submit_job_bg], [:in, :job_created])
  end

  it "is collected with its stand-in" do
    refs = Thread.new do # whose stack is gone, with what there is of the store on it
      testing.clear
      made = Array.new(20) { WeakRef.new(EVGearman::Client.new(port: 1, loop: loop).tap { |one| one.enqueue("f") }) }
      testing.clear && made
    end.value
    loop.run_once(0)
    GC.start
    expect(refs.count(&:weakref_alive?)).to be < 20
  end

  it "counts its requests where they are made" do
    client.enqueue("f")
    stand_in = client.instance_variable_get(:@fake)
    stats = stand_in.stats
    expect(stats[:submitted]).to eq(stats[:resolved] + stats[:pending])
  end
end
