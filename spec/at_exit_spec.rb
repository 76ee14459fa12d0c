# frozen_string_literal: true

RSpec.describe "The end of the program" do
  let(:name) { function }

  # Fails when what nobody waited for goes with the process.
  it "writes what was asked for and not waited for" do
    out, status = child(<<~RUBY)
      client.submit_job_bg("#{name}") { puts "nobody hears of it" }
      client.submit_jobs_bg([["#{name}"]] * 2)
      elsewhere = EVGearman::Client.new(url: URL, loop: EVGearman::Loop.new.start)
      Thread.new { elsewhere.submit_job_bg("#{name}") }.join
      at_exit { elsewhere.submit_job_bg("#{name}") }
      trap("EXIT") { elsewhere.submit_job_bg("#{name}") }
    RUBY
    expect([out, status.exitstatus, shared_server.status(name)]).to eq(["", 0, [6, 0, 0]])
  end

  it "writes as much as the socket does not take at once" do
    child(%(client.submit_job_bg("#{name}", "x" * (16 << 20))))
    expect(shared_server.status(name)).to eq([1, 0, 0])
  end

  # What a parent had not written is the parent's.
  it "is not that of its forked children" do
    child(<<~RUBY)
      client.submit_job_bg("#{name}")
      Process.wait(fork { exit })
    RUBY
    expect(shared_server.status(name)).to eq([1, 0, 0])
  end

  it "begins no job" do
    worker_for(shared_server).client.submit_job_bg(name).value
    out, = child(<<~RUBY)
      worker = EVGearman::Worker.new(url: URL, loop: LOOP)
      worker.register_function("#{name}") { puts("begun") }.work
      worker.client.submit_job_bg("#{name}")
    RUBY
    expect(out).to eq("")
  end

  { "that is away" => {}, "that is away, and is not waited for" => { reconnect: false } }.each do |what, options|
    it "tells in one line what it could not write to a server #{what}" do
      out, = child(<<~RUBY)
        client(port: 1, url: nil, on_error: proc {}, **#{options}).tap { |away| 2.times { away.submit_job_bg("f") } }
        EVGearman::Client.new(port: 2, loop: LOOP, on_error: proc {}).submit_job_bg("f")
      RUBY
      expect(out).to eq("evgearman: the program ended before it had written 3 requests (127.0.0.1:1, 127.0.0.1:2)\n")
    end
  end

  # Fails when it waits for as long as the requests may: for ever; and when what is left of one that was begun is not told.
  it "waits for no server that does not read, and tells how much of it that has not got" do
    deaf = TCPServer.new("127.0.0.1", 0)
    out, = child(<<~RUBY)
      deaf = EVGearman::Client.new(port: #{deaf.addr[1]}, loop: LOOP, command_timeout: nil, heartbeat: nil, dialect: :gearmand)
      deaf.submit_job_bg("f", "x" * (16 << 20))
      LOOP.run_once(1) until deaf.stats[:bytes_out] > 1000
    RUBY
    got = deaf.accept.read
    job = got.index("\0REQ\0\0\0\x12".b)
    left = job + 12 + got[job + 8, 4].unpack1("N") - got.bytesize
    expect(out).to eq("evgearman: the program ended before it had written #{left} bytes (127.0.0.1:#{deaf.addr[1]})\n")
  ensure
    deaf.close
  end

  # Fails when what was muted for that wait stays so behind an interrupt: drop rb_ensure from client/closing.c.
  it "leaves blocks to those who come after it, when its wait is interrupted" do
    go = Queue.new
    server = fake_server { |peer| peer.expect(:echo_req).then { |data,| go.pop && peer.send(:echo_res, data) } }
    client = client_for(server)
    seen = []
    client.echo("x") { |value| seen << value }
    wait = Thread.new { client.send(:_write_out, Examples::PATIENCE) }
    sleep(0.005) until server.commands.include?(:echo_req)
    sleep(0.1)
    wait.kill.join
    go << true
    eventually { client.stats[:pending].zero? }
    loop.run_once(0)
    expect(seen).to eq(["x"])
  end

  it "tells it to the logger, if there is one" do
    out, = child(<<~RUBY)
      require "logger"
      EVGearman.configure { |c| c.logger = Logger.new($stdout, formatter: ->(severity, _, _, text) { severity + " " + text[/written.*/] }) }
      EVGearman::Client.new(port: 1, loop: LOOP, on_error: proc {}).submit_job_bg("f")
    RUBY
    expect(out).to eq("WARN written 1 request (127.0.0.1:1)")
  end
end
