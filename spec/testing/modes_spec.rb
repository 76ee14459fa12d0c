# frozen_string_literal: true

require "evgearman/testing"

RSpec.describe EVGearman::Testing, :faked do
  it "is not loaded by the gem, and changes nothing until a mode is on" do
    text, status = run_ruby("-w", "-e", <<~RUBY)
      require "evgearman"
      exit 1 if EVGearman.const_defined?(:Testing)
      require "evgearman/testing"
      exit 2 unless EVGearman::Testing.disabled?
      client = EVGearman::Client.new(port: 1, on_error: nil, reconnect: false)
      exit 3 unless client.state == :idle
      begin
        client.enqueue("f")
      rescue EVGearman::ConnectError
        exit 0
      end
    RUBY
    expect([text, status.exitstatus]).to eq(["", 0])
  end

  it "begins disabled; a mode holds until the next" do
    expect([testing.mode, testing.disabled?]).to eq([:disabled, true])
    expect([testing.fake!, testing.mode, testing.fake?]).to eq([testing, :fake, true])
    expect([testing.inline!, testing.mode, testing.inline?]).to eq([testing, :inline, true])
    expect([testing.disable!, testing.mode, testing.disabled?]).to eq([testing, :disabled, true])
  end

  it "holds for a block, and answers what that does" do
    expect(testing.fake! { [testing.mode, testing.inline! { testing.disable! { testing.mode } }, testing.mode] })
      .to eq(%i[fake disabled fake])
    expect { testing.inline! { raise "oops" } }.to raise_error("oops")
    expect(testing.mode).to eq(:disabled)
  end

  it "holds for the thread and the fiber of the block" do
    testing.inline!
    modes = testing.fake! { [Thread.new { testing.mode }.value, Fiber.new { testing.mode }.resume, testing.mode] }
    expect(modes).to eq(%i[inline inline fake])
  end

  it "keeps what a block submitted" do
    testing.fake! { client.enqueue("f") }
    expect(testing.jobs.map(&:function)).to eq(["f"])
  end

  # Fails when who looks for handlers tells all loops that the process ends: no job begins then.
  it "leaves real workers alone, that work beside it" do
    server = own_server
    worker_for(server).register_function("real", &:workload).work
    testing.fake! { client.enqueue("other") && client.server_status.value }
    expect(client_for(server).call("real", "x", timeout: 30)).to eq("x")
  end

  it "sends nothing, and makes no connection, also when the loop runs" do
    TCPServer.open("127.0.0.1", 0) do |server|
      testing.fake!
      url = Struct.new(:url).new("127.0.0.1:#{server.addr[1]}")
      one, other = client_for(url), client_for(url)
      one.connect
      one.enqueue("f")
      loop.post { loop.stop }
      loop.run
      expect(server.accept_nonblock(exception: false).class).to eq(Symbol)
      expect([one, other]).to all(have_attributes(connected?: true, state: :connected))
      testing.disable!
      expect([one, other]).to all(have_attributes(connected?: false, state: :idle))
    end
  end

  it "makes no connection for a client on a loop that a thread of its own turns" do
    TCPServer.open("127.0.0.1", 0) do |server|
      testing.inline!
      testing.register("reverse") { |job| job.workload.reverse }
      loop.start
      real = client_for(Struct.new(:url).new("127.0.0.1:#{server.addr[1]}"))
      expect(real.call("reverse", "abc")).to eq("cba")
      expect(server.accept_nonblock(exception: false).class).to eq(Symbol)
    end
  end

  it "leaves a client that talks to a server as it was" do
    server = fake_server do |peer|
      2.times do |n|
        peer.expect(:submit_job_bg)
        peer.send(:job_created, "H:#{n}")
      end
    end
    real = client_for(server)
    handles = [real.enqueue("a"), testing.fake! { real.enqueue("b") }, real.enqueue("c")]
    expect(handles).to match(["H:0", /\AF:/, "H:1"])
    expect(real).to be_connected
  end

  it "is in a forked child what it was, apart", unless: RUBY_PLATFORM.include?("darwin") do
    testing.fake!
    testing.register("reverse") { |job| job.workload.reverse }
    testing.inline! { client.call("reverse") }
    client.enqueue("before")
    task = client.submit_job_bg("pending")
    told = forked do
      client.enqueue("after")
      [testing.jobs.map(&:function), task.wait&.error.class.name, testing.inline! { client.call("reverse", "abc") }]
    end
    expect(told).to eq([%w[before pending after], "EVGearman::ForkedError", "cba"])
    expect(testing.jobs.map(&:function)).to eq(%w[before pending])
    expect(task.value).to match(/\AF:/)
  end
end
