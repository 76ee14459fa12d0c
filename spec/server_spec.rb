# frozen_string_literal: true

require "etc"
require "socket"
require "timeout"
require "tmpdir"

RSpec.describe EVGearman::Server do
  include Children

  def made(**options) = described_class.new(**options).tap { |server| (@made ||= []) << server }
  def started(**options) = made(**options).start

  after { @made&.each(&:kill) }

  let(:server) { started }
  let(:client) { client_for(server) }

  # Answers what the block gets of a path in a folder of its own.
  def at_path(name = "socket", &block) = Dir.mktmpdir { |folder| block.call(File.join(folder, name)) }

  def connects?(port)
    TCPSocket.new("127.0.0.1", port).close
    true
  rescue Errno::ECONNREFUSED
    false
  end

  # A worker on a loop of its own, as in another process: it reverses.
  def working(server)
    worker = EVGearman::Worker.new(url: server.url, loop: EVGearman::Loop.new)
    worker.register_function("reverse") { |job| job.workload.reverse }
    (@workers ||= []) << [worker, Thread.new { worker.run(signals: false) }]
  end

  after { @workers&.each { |worker, thread| worker.stop(0) && thread.join(Examples::PATIENCE) } }

  describe "its life" do
    it "serves when start returns, clients and workers of the same process too" do
      working(server)
      expect(client.call("reverse", "hello", timeout: 30)).to eq("olleh")
      expect(client.enqueue("nobody", "x")).to eq("H:#{Etc.uname[:nodename]}:2")
    end

    it "knows where it is" do
      fresh = made
      expect([fresh.running?, fresh.port, fresh.url, fresh.host, fresh.path]).to eq([false, nil, nil, "127.0.0.1", nil])
      fresh.start
      expect([fresh.running?, fresh.port, fresh.url]).to match([true, be_between(1, 65_535), "gearman://127.0.0.1:#{fresh.port}"])
      expect(fresh.inspect).to eq("#<EVGearman::Server #{fresh.url} running>")
    end

    it "is started once, from however many threads" do
      port = server.port
      threads = Array.new(8) { Thread.new { server.start } }
      expect(threads.map(&:value)).to all(be(server))
      expect([server.port, client.ping]).to match([port, Float])
    end

    it "refuses who connects when it has stopped, and is at the same port when it is started again" do
      client.enqueue("nobody", "x")
      port = server.port
      expect(server.stop).to be(server)
      expect([server.running?, connects?(port), server.stop, server.port]).to eq([false, false, server, port])
      eventually { !client.connected? }
      server.start
      expect([server.port, server.jobs]).to eq([port, []])
      expect(client.enqueue("nobody", "x")).to end_with(":1")
    end

    it "says which port is in use, and may be started once it is not" do
      other = made(port: server.port)
      expect { other.start }.to raise_error(Errno::EADDRINUSE, /127\.0\.0\.1:#{server.port}/)
      expect(other.running?).to be(false)
      server.stop
      expect(other.start.port).to eq(server.port)
    end

    it "is found by a name, and at IPv6" do
      named = started(host: "localhost")
      expect(named.url).to eq("gearman://localhost:#{named.port}")
      expect(client_for(named).ping).to be_a(Float)
      six = started(host: "::1")
      expect(six.url).to eq("gearman://[::1]:#{six.port}")
      expect(client_for(six).ping).to be_a(Float)
    end

    it "says when there is no such host" do
      expect { made(host: "no-such-host.invalid").start }.to raise_error(SocketError)
    end

    # Fails when its thread, or its loop's descriptors, stay behind.
    it "leaves nothing behind, stopped or not referred to any more" do
      skip "needs Linux" unless File.directory?("/proc/self/task")
      count = -> { [Dir.children("/proc/self/task").size, Dir.children("/proc/self/fd").size] }
      more = ->(before) { count.call.zip(before).any? { |now, then_| now > then_ } }
      started.stop
      before = count.call.then { |tasks, descriptors| [tasks, descriptors + 1] } # the end of a pipe, until it is started again
      5.times { server.restart }
      server.stop
      expect(more.call(before)).to be(false)
      ports = Array.new(5) { described_class.new.start.port }
      Array.new(100) { Object.new } # over the stack's leavings
      eventually { GC.start || ports.none? { |port| connects?(port) } }
      eventually { GC.start || !more.call(before) }
    end

    # Fails when who was cut off without a word is held for ever: workers that say nothing are as they should be.
    it "has the kernel look after those who say nothing" do
      client.ping
      expect(keepalives(server.port, :local_address)).to eq([[true, 60]])
    end

    it "ends with the program" do
      at_path do |path|
        out, status = child(<<~RUBY, url: path)
          server = EVGearman::Server.new(path: URL).start
          puts EVGearman::Client.new(url: server.url, loop: LOOP).echo("there").value
        RUBY
        expect([out, status, File.exist?(path)]).to match(["there\n", be_success, false])
      end
    end

    it "is one object" do
      expect { server.dup }.to raise_error(TypeError)
      expect { described_class.allocate.stats }.to raise_error(TypeError, /uninitialized/)
      expect(described_class.allocate.inspect).to start_with("#<EVGearman::Server")
    end
  end

  describe "at a path" do
    it "is for this user alone, and leaves no file" do
      at_path do |path|
        socket = started(path: path)
        expect(File.stat(path).mode & 0o777).to eq(0o600)
        expect([socket.url, socket.path, socket.port, socket.host]).to eq(["unix://#{path}", path, nil, nil])
        expect(client_for(socket).ping).to be_a(Float)
        expect(client_for(socket).server_workers.value(30).first.ip).to eq("-")
        socket.stop
        expect(File.exist?(path)).to be(false)
      end
    end

    it "takes over what one that died has left, and nothing else" do
      at_path do |path|
        UNIXServer.new(path).close
        socket = started(path: path)
        expect(client_for(socket).ping).to be_a(Float)
        expect { made(path: path).start }.to raise_error(Errno::EADDRINUSE)
        socket.stop
        File.write(path, "")
        expect { socket.start }.to raise_error(Errno::EADDRINUSE)
        expect(File.file?(path)).to be(true)
      end
    end

    it "says what is wrong with it" do
      expect { made(path: "/nowhere/at/all").start }.to raise_error(Errno::ENOENT, %r{/nowhere/at/all})
      expect { made(path: "/#{"x" * 200}").start }.to raise_error(ArgumentError, /unix socket path/)
    end
  end

  describe "its options" do
    it "are checked when it is made" do
      wrong = {
        { nonsense: 1 } => /unknown option: nonsense/, { path: "/x", port: 1 } => /either host: and port: or path:/,
        { port: 65_536 } => /port: must be/, { port: -1 } => /port: must be/, { port: 1.5 } => /port: must be/,
        { host: "127.0.0.1:4730" } => /host: must be/, { max_jobs: 0 } => /max_jobs must be a whole number from 1/,
        { max_connections: nil } => /max_connections/, { job_retries: 0 } => /job_retries must be a whole number from 1/,
        { worker_wakeup: "1" } => /worker_wakeup/, { handle_prefix: "a b" } => /handle_prefix: must be/,
        { handle_prefix: "x" * 43 } => /handle_prefix/, { quirks: :nonsense } => /unknown quirk :nonsense: known are fail_with_nul/,
        { quirks: ["mute_status"] } => /unknown quirk "mute_status"/
      }
      wrong.each { |options, message| expect { made(**options) }.to raise_error(ArgumentError, message) }
      expect { made(path: 1) }.to raise_error(TypeError)
      expect { made(host: 1) }.to raise_error(TypeError)
    end

    it "refuse to be reached from elsewhere, unless that is said" do
      ["0.0.0.0", "::", "192.0.2.1"].each do |host|
        expect { made(host: host).start }.to raise_error(ArgumentError, /allow_remote: true/)
      end
      expect(started(host: "0.0.0.0", allow_remote: true).running?).to be(true)
    end

    it "may all be given" do
      given = described_class::DEFAULTS.merge(job_retries: 3, worker_wakeup: 2, round_robin: false, allow_shutdown: true)
      expect(client_for(started(**given, port: 0, host: "127.0.0.1", quirks: [], handle_prefix: "H:x")).ping).to be_a(Float)
    end

    it "name its handles" do
      expect(client_for(started(handle_prefix: "J")).enqueue("f", "")).to eq("J:1")
    end

    it "bound its jobs" do
      small = client_for(started(max_jobs: 2))
      2.times { small.enqueue("f", "") }
      expect { small.enqueue("f", "") }.to raise_error(EVGearman::QueueFullError)
    end

    it "bound its connections, and count who was refused" do
      small = started(max_connections: 2)
      kept = Array.new(2) { TCPSocket.new("127.0.0.1", small.port) }
      eventually { small.stats[:connections] == 2 }
      over = TCPSocket.new("127.0.0.1", small.port)
      expect(over.read).to eq("")
      expect(small.stats).to include(connections: 2, connections_accepted: 3, connections_refused: 1)
    ensure
      [*kept, over].compact.each(&:close)
    end

    it "give jobs up that come back too often" do
      strict = started(job_retries: 2)
      task = client_for(strict).submit_job("f", "x")
      eventually { task.handle }
      2.times do
        worker = wire(strict)
        worker.say(:can_do, "f").say(:grab_job)
        eventually { strict.jobs.any? { |job| job.state == :running } }
        worker.close
        eventually { strict.jobs.none? { |job| job.state == :running } }
      end
      expect { task.value(30) }.to raise_error(EVGearman::JobFailedError)
    end

    # One of each kind: what they do is for the specs of the session.
    it "ask for quirks, one by one or all of a server's" do
      mute = client_for(started(quirks: [:mute_status]), command_timeout: 0.1)
      expect { mute.get_status("H:1").value(30) }.to raise_error(EVGearman::Error)
      expect(described_class::QUIRKS).to include(:gearmand_1_1_20, :gearmand_2_0, :perl_server, :mute_status)
      described_class::QUIRKS.each { |name| expect(started(quirks: name).running?).to be(true) }
      expect(client_for(started(quirks: %i[perl_server])).tap(&:ping).dialect).to eq(:perl)
    end
  end

  describe "stop" do
    it "writes what is owed before it closes" do
      raw = wire(server)
      packet = EVGearman::Protocol.encode(:echo_req, "x" * 100_000)
      raw.write(packet * 10)
      eventually { server.stats[:bytes_in] == packet.bytesize * 10 }
      server.stop(nil)
      expect(raw.last_words).to eq([[:echo_res, "x" * 100_000]] * 10)
    end

    def stuck_reader
      raw = wire(server)
      packet = EVGearman::Protocol.encode(:echo_req, "x" * 1_000_000)
      Thread.new { raw.write(packet * 30) rescue nil }
      eventually { server.stats[:bytes_in] > 12_000_000 }
    end

    it "waits no longer than it is told for who does not read" do
      stuck_reader
      server.stop(0.05)
      expect(server.running?).to be(false)
      expect { server.stop("1") }.to raise_error(ArgumentError, /timeout: must be/)
    end

    it "may be interrupted, and has stopped then" do
      stuck_reader
      expect { Timeout.timeout(0.05) { server.stop(nil) } }.to raise_error(Timeout::Error)
      expect(server.running?).to be(false)
    end

    it "ends one that is paused" do
      client.ping
      server.pause
      expect(server.stop.running?).to be(false)
    end

    it "may be said in a trap handler" do
      out, status = child(<<~RUBY, url: "127.0.0.1:1")
        server = EVGearman::Server.new.start
        trap("USR1") { server.stop }
        Process.kill("USR1", Process.pid)
        eventually { !server.running? }
        puts "stopped"
      RUBY
      expect([out, status]).to match(["stopped\n", be_success])
    end
  end

  describe "run" do
    def running(options = "", signals: "true", &block)
      child(<<~RUBY, url: "127.0.0.1:1", &block)
        server = EVGearman::Server.new(#{options})
        p server.run(signals: #{signals}) { |serving| puts serving.url }
        puts "ended"
      RUBY
    end

    %w[TERM INT].each do |signal|
      it "serves until #{signal}" do
        out, status = running { |pid| Process.kill(signal, pid) }
        expect([out, status]).to match([%r{\Agearman://127\.0\.0\.1:\d+\nnil\nended\n\z}, be_success])
      end
    end

    it "hears of a signal already while its block tells where it is" do
      out, status = child(<<~RUBY, url: "127.0.0.1:1")
        p EVGearman::Server.new.run { Process.kill("TERM", Process.pid) }
      RUBY
      expect([out, status]).to match(["nil\n", be_success])
    end

    it "has ended when its block raises" do
      server = made
      expect { server.run(signals: false) { raise IOError, "no" } }.to raise_error(IOError, "no")
      expect(server.running?).to be(false)
    end

    it "serves until a client shuts it down, where that is allowed" do
      out, status = running("allow_shutdown: true, port: #{port = free_port}") do
        expect(client_for(Struct.new(:url).new("127.0.0.1:#{port}")).shutdown_server.value(30)).to be(true)
      end
      expect([out, status]).to match([/ended\n\z/, be_success])
    end

    def free_port = TCPServer.open("127.0.0.1", 0) { |listener| listener.addr[1] }

    it "serves until it is stopped, or its thread killed" do
      one = made
      thread = Thread.new { one.run(signals: false) }
      eventually { one.running? }
      one.stop
      expect(thread.value).to be_nil
      thread = Thread.new { one.run(signals: false) }
      eventually { one.running? }
      thread.kill.join
      expect(one.running?).to be(false)
    end

    # Fails when it does not bear that what it waits by is another's by now.
    it "ends when the server does, however that comes" do
      10.times do
        one = made
        thread = Thread.new { one.run(signals: false) }
        eventually { one.running? }
        one.restart
        one.kill
        expect(thread.value).to be_nil
      end
    end

    it "leaves signals alone when it is told to" do
      _, status = running(signals: "false") { |pid| Process.kill("TERM", pid) }
      expect(status.termsig).to eq(Signal.list["TERM"])
    end
  end

  describe "what it shows" do
    it "is its jobs, in the order of their submission" do
      client.enqueue("a", "bytes\xFF".b, unique: "key", priority: :high)
      client.submit_job("b", "x")
      client.submit_job_epoch("c", "later", Time.now + 1000)
      client.ping
      rows = server.jobs
      expect(rows.map { |job| [job.function, job.priority, job.state, job.background?, job.waiters] }).to eq(
        [["a", :high, :queued, true, 0], ["b", :normal, :queued, false, 1], ["c", :normal, :delayed, true, 0]]
      )
      expect(rows.first.to_h).to include(handle: /:1\z/, unique: "key", workload: "bytes\xFF".b, attempts: 0)
      expect(rows).to all(be_frozen)
    end

    it "is how far a job is" do
      task = client.submit_job("f", "x")
      eventually { task.handle }
      worker = wire(server)
      worker.say(:can_do, "f").say(:grab_job)
      eventually { server.jobs.first&.state == :running }
      worker.say(:work_status, task.handle, "3", "4")
      eventually { server.jobs.first.numerator == 3 && server.jobs.first.denominator == 4 }
    end

    it "is numbers" do
      wire(server).say(:can_do, "f").heard
      client.enqueue("f", "x")
      client.submit_job_epoch("f", "x", Time.now + 1000).value(30)
      expect(server.stats).to include(connections: 2, workers: 1, functions: 1, jobs_queued: 1, jobs_delayed: 1,
                                      jobs_running: 0, jobs_submitted: 2, connections_accepted: 2)
      expect(server.stats.values).to all(be_an(Integer))
      before = server.stats.slice(:bytes_in, :packets_in)
      server.restart
      expect(server.stats).to include(connections: 0, jobs_queued: 0, functions: 0, memory: 0, jobs_submitted: 2, **before)
    end
  end

  describe "what tests want of it" do
    it "is to die, and to come back with nothing" do
      client.enqueue("f", "x")
      lost = client.submit_job("f", "y").tap { |task| eventually { task.handle } }
      server.kill
      expect([server.running?, connects?(server.port), server.jobs]).to eq([false, false, []])
      expect { lost.value(30) }.to raise_error(EVGearman::DisconnectedError)
      server.restart
      expect(client.enqueue("f", "x")).to end_with(":1")
      expect(server.restart.jobs).to eq([])
    end

    it "is to stand still" do
      client.ping
      server.pause
      task = client.echo("x")
      expect(task.wait(0.1)).to be_nil
      accepted = server.stats[:connections_accepted]
      expect(connects?(server.port)).to be(true)
      expect(server.stats[:connections_accepted]).to eq(accepted)
      server.resume
      expect(task.value(30)).to eq("x")
      eventually { server.stats[:connections_accepted] == accepted + 1 }
    end

    it "is to be slow" do
      client.ping
      expect(server.delay(0.1)).to be(server)
      expect(client.ping).to be >= 0.1
      server.delay(nil)
      expect(client.ping).to be_a(Float)
      expect { server.delay(-1) }.to raise_error(ArgumentError, /seconds: must not be negative/)
    end

    it "is to lose a packet" do
      raw = wire(server)
      server.drop_next(:echo_req).drop_next(:echo_req)
      raw.say(:echo_req, "1").say(:echo_req, "2").say(:echo_req, "3")
      expect(raw.heard).to eq([[:echo_res, "3"]])
      server.drop_next(:job_created)
      raw.say(:submit_job_bg, "f", "", "x")
      expect([raw.heard, server.jobs.size]).to eq([[], 1])
      expect { server.drop_next(:nonsense) }.to raise_error(ArgumentError, /unknown packet :nonsense/)
    end

    it "is to refuse requests" do
      server.refuse(:submit_job_bg, "QUEUE_ERROR", "no room today")
      expect { client.enqueue("f", "") }.to raise_error(EVGearman::QueueFullError, /no room today/)
      server.refuse(:submit_job_bg, nil)
      expect(client.enqueue("f", "")).to end_with(":1")
      expect { server.refuse(:nonsense, "X") }.to raise_error(ArgumentError, /unknown packet/)
    end

    # Fails when a caller holds what the server's thread needs and waits for the GVL, or when either starves.
    it "may be asked from many threads at once, while jobs are done" do
      working(server)
      clients = Array.new(2) { client_for(server) }
      done = false
      askers = Array.new(4) do |n|
        Thread.new { [server.stats, server.jobs, server.port, server.delay(0), server.pause.resume][n] until done }
      end
      busy = Thread.new { nil until done }
      answers = clients.map { |one| Thread.new { Array.new(10) { |n| one.call("reverse", "ab#{n}", timeout: 30) } } }.map(&:value)
      expect(answers).to all(eq(Array.new(10) { |n| "ab#{n}".reverse }))
    ensure
      done = true
      [*askers, busy].each(&:join)
    end
  end

  describe "a forked child", :fork do
    it "has no server; its parent's goes on, and may be stopped" do
      client.ping
      raw = wire(server)
      seen = forked { [server.running?, server.stop.running?, server.stats[:connections], server.jobs, server.port] }
      expect(seen).to eq([false, false, 0, [], server.port])
      expect([client.ping, raw.answer(:echo_req, "x")]).to match([Float, [:echo_res, "x"]])
      server.stop
      expect(raw.last_words).to eq([])
    end

    # Fails when a child keeps them until it happens to use the server: its parent's peers would not hear of an end.
    it "holds no descriptor of it from the start" do
      skip "needs Linux" unless File.directory?("/proc/self/fd")
      raw = wire(server).tap(&:heard)
      IO.pipe do |reader, writer|
        pid = fork { writer.close || reader.read && exit!(0) }
        reader.close
        server.kill
        expect(raw.last_words).to eq([])
        expect(connects?(server.port)).to be(false)
        writer.close
        Process.wait(pid)
      end
    end

    it "may start it anew, elsewhere, or another one" do
      client.ping
      expect(forked { [(server.start rescue $!.class), client_for(described_class.new.start).ping.class] })
        .to eq([Errno::EADDRINUSE, Float])
      port = server.port
      server.stop
      expect(forked { [server.start.port, client_for(server).ping.class] }).to eq([port, Float])
    end

    it "does not take a path with it" do
      at_path do |path|
        socket = started(path: path)
        Process.wait(fork { exit })
        expect(forked { socket.stop.running? }).to be(false)
        expect(client_for(socket).ping).to be_a(Float)
      end
    end

    it "may be made in the middle of anything" do
      working(server)
      calls = Thread.new { Array.new(60) { |n| client_for(server).call("reverse", "a#{n}", timeout: 30) } }
      children = Array.new(8) { forked { GC.start || [server.running?, server.stats.size > 5] } }
      expect(children).to all(eq([false, true]))
      expect(calls.value).to eq(Array.new(60) { |n| "a#{n}".reverse })
    end

    it "is what Process.daemon makes" do
      at_path("answer") do |path|
        child(<<~RUBY, url: path)
          server = EVGearman::Server.new.start
          Process.daemon(true)
          before = server.running?
          server = EVGearman::Server.new.start
          pong = EVGearman::Client.new(url: server.url, loop: LOOP).echo("there").value
          File.write("\#{URL}.new", [before, pong].inspect)
          File.rename("\#{URL}.new", URL)
        RUBY
        expect(eventually { File.exist?(path) && File.read(path) }).to eq('[false, "there"]')
      end
    end
  end
end
