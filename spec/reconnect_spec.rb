# frozen_string_literal: true

require "socket"

RSpec.describe "A server that goes away" do
  let(:quick) { { reconnect_delay: 0.01, reconnect_max_delay: 0.05 } }
  let(:name) { function }

  describe "and comes back" do
    let(:server) { own_server }

    it "finds its worker and its client again" do
      client = client_for(server, **quick)
      worker = worker_for(server, client_id: "steadfast", **quick)
      worker.register_function(name) { |job| job.workload.reverse }.work
      expect(client.call(name, "abc")).to eq("cba")
      server.kill
      eventually { errors.size >= 2 }
      server.restart
      expect(client.call(name, "def")).to eq("fed")
      expect(server.ask("workers").grep(/steadfast : #{name}/).size).to eq(1)
      expect([client, worker].map { |connection| connection.stats[:reconnects] }).to eq([1, 1])
    end

    it "gets what waited, once and in order" do
      client = client_for(server, **quick)
      client.echo("x").value
      server.kill
      eventually { !client.connected? }
      runs = []
      tasks = Array.new(50) { |n| client.submit_job(name, n.to_s, unique: "key #{n}") }
      server.restart
      worker_for(server, **quick).register_function(name) { |job| (runs << job.workload).last }.work
      expect(tasks.map(&:value)).to eq((0...50).map(&:to_s))
      expect(runs).to eq((0...50).map(&:to_s))
    end

    it "is not told again what was written" do
      client = client_for(server, **quick)
      task = client.submit_job(name, "x")
      eventually { task.state == :created }
      server.kill
      expect(task.wait.error).to have_attributes(class: EVGearman::DisconnectedError, message: /\Adisconnected/,
                                                 delivery: :accepted)
      server.restart
      client.echo("there again").value
      expect(server.status(name)).to eq([0, 0, 0])
    end

    it "may come back again and again" do
      client = client_for(server, **quick)
      worker_for(server, **quick).register_function(name) { |job| job.workload }.work
      5.times do |n|
        expect(client.call(name, n.to_s)).to eq(n.to_s)
        server.kill
        server.restart
        eventually { errors.size == (n + 1) * 2 } # both have noticed: what is written before that is lost
      end
    end
  end

  describe "while requests are under way" do
    it "fails what was written, in order, and keeps what was not" do
      server = fake_server do |peer|
        peer.number.zero? ? 3.times { peer.expect(:echo_req) } && peer.close : peer.answer_echoes
      end
      client = client_for(server, **quick)
      seen = []
      3.times { |n| client.echo(n.to_s) { |value, error| seen << [n, value || error.delivery] } }
      eventually { seen.any? }
      client.echo("later") { |value, error| seen << [:later, value || error.delivery] }
      eventually { seen.size == 4 }
      expect(seen).to eq([[0, :unacknowledged], [1, :unacknowledged], [2, :unacknowledged], [:later, "later"]])
      expect(server.received.count { |packet| packet.first == :echo_req }).to eq(4)
    end

    it "takes requests from the block that hears of the failure" do
      server = fake_server { |peer| peer.number.zero? ? peer.expect(:echo_req) && peer.close : peer.answer_echoes }
      client = client_for(server, **quick)
      again = nil
      client.echo("x") { |_, error| again = client.echo("again") if error }
      expect(eventually { again }.value).to eq("again")
    end

    it "fails a request of which a part was written" do
      server = fake_server { |peer| peer.number.zero? ? peer.stall : peer.answer_echoes }
      client = client_for(server, command_timeout: nil, **quick)
      large = client.submit_job_bg("f", "x" * 30_000_000)
      waiting = client.echo("after it")
      eventually { server.peer && client.unsent_bytes.between?(1, 29_999_999) }
      server.peer.reset
      expect(large.wait.error).to have_attributes(delivery: :unacknowledged)
      expect(waiting.value).to eq("after it")
      expect(server.commands).not_to include(:submit_job_bg)
    end

    it "is known to have closed: FIN" do
      client_for(fake_server { |peer| peer.expect(:echo_req) && peer.close }, reconnect: false).echo("x").wait
      expect(eventually { errors.first }).to have_attributes(class: EVGearman::DisconnectedError,
                                                             message: /\Aconnection closed by server/)
    end

    it "is known to have closed: RST" do
      client_for(fake_server { |peer| peer.expect(:echo_req) && peer.reset }, reconnect: false).echo("x").wait
      expect(eventually { errors.first }).to be_a(EVGearman::ConnectionError)
    end

    it "may close within a packet" do
      packet = EVGearman::Protocol.encode(:echo_res, "x" * 10, magic: :res)
      (0...packet.bytesize).each do |cut|
        server = fake_server { |peer| peer.expect(:echo_req) && peer.write(packet[0, cut]) && peer.close }
        expect(client_for(server, reconnect: false).echo("x" * 10).wait.error).to be_a(EVGearman::DisconnectedError)
      end
    end

    it "may send its packets byte by byte" do
      packet = EVGearman::Protocol.encode(:echo_res, "abc", magic: :res)
      server = fake_server { |peer| peer.expect(:echo_req) && packet.each_char { |byte| peer.write(byte) } }
      expect(client_for(server).echo("abc").value).to eq("abc")
    end
  end

  describe "that refuses" do
    let(:closed) { fake_server.tap(&:close) }

    it "is told by on_error, and the process goes on" do
      client_for(closed, **quick).connect
      expect(eventually { errors.first }).to have_attributes(class: EVGearman::ConnectError, server: closed.url,
                                                             message: /\Aconnect failed: Connection refused/)
    end

    it "lets requests wait until their deadline, and says why" do
      task = client_for(closed, command_timeout: 0.1, **quick).echo("x")
      expect(task.wait.error).to have_attributes(class: EVGearman::ConnectError, delivery: :not_sent,
                                                 message: /\Aconnect failed: Connection refused/)
      expect(errors.size).to be > 1
    end

    it "fails requests at once when reconnect is off" do
      client = client_for(closed, reconnect: false)
      failures = Array.new(5) { client.echo("x") }.map { |task| task.wait.error }
      expect(failures).to all(have_attributes(class: EVGearman::ConnectError, delivery: :not_sent))
      expect(client.state).to eq(:idle)
      expect(eventually { errors.any? && errors.size }).to eq(1)
    end

    it "is asked again by the next request when reconnect is off" do
      client = client_for(closed, reconnect: false)
      2.times { expect(client.echo("x").wait.error).to be_a(EVGearman::ConnectError) }
      eventually { errors.size == 2 }
    end

    it "is given up after max_reconnect_attempts" do
      client = client_for(closed, max_reconnect_attempts: 3, **quick)
      tasks = Array.new(5) { client.echo("x") }
      expect(tasks.map { |task| task.wait.error }).to all(have_attributes(class: EVGearman::ReconnectExhaustedError,
                                                                          message: /\Amax reconnect attempts reached/,
                                                                          delivery: :not_sent))
      eventually { errors.size == 3 && errors.last.is_a?(EVGearman::ReconnectExhaustedError) }
      told = errors.size
      expect(client).to have_attributes(state: :idle, connected?: false)
      loop.run(0.2)
      expect(errors.size).to eq(told)
    end

    it "is waited for no more when reconnecting is turned off, or there have been enough attempts" do
      [[false], [true, nil, 1]].each do |how|
        client = client_for(closed, reconnect_delay: 600, reconnect_max_delay: 600)
        task = client.submit_job("f")
        eventually { client.state == :waiting }
        client.reconnect(*how)
        expect(task.wait(Examples::PATIENCE)&.error).to be_a(EVGearman::ConnectionError)
        expect([task.error.delivery, client.state]).to eq(%i[not_sent idle])
      end
    end

    it "has its attempts counted anew by a request after that" do
      client = client_for(closed, max_reconnect_attempts: 2, **quick)
      2.times { expect(client.echo("x").wait.error).to be_a(EVGearman::ReconnectExhaustedError) }
      closed.start
      closed.close
      expect(client.state).to eq(:idle)
    end

    it "is not asked in a tight loop" do
      accepted = 0
      flapping = fake_server(prologue: false) { |peer| (accepted += 1) && peer.close }
      client_for(flapping, reconnect_delay: 0.05, reconnect_max_delay: 0.4).connect
      loop.run(1)
      expect(accepted).to be_between(2, 200)
    end

    it "is given up when it accepts and closes: only a reply counts as success" do
      flapping = fake_server(prologue: false, &:close)
      task = client_for(flapping, max_reconnect_attempts: 3, command_timeout: nil, **quick).submit_job("f")
      expect(task.wait.error).to be_a(EVGearman::ConnectionError)
      eventually { errors.last.is_a?(EVGearman::ReconnectExhaustedError) }
    end

    it "is tried by timer even when the delay is 0" do
      client = client_for(closed, reconnect_delay: 0)
      client.connect
      seen = 0
      loop.every(0.001) { seen += 1 }
      eventually { errors.size > 10 && seen > 10 }
    end
  end

  describe "whose name" do
    let(:hosts) { File.join(Dir.mktmpdir, "hosts") }

    # A script with a hosts file of its own, which only root can have. The block gets what it prints.
    def with_hosts(text, script, &block)
      File.write(hosts, text)
      mounted = system("unshare", "-m", "mount", "--bind", hosts, "/etc/hosts", %i[out err] => File::NULL)
      skip "needs unshare -m" unless mounted
      inside = "mount --bind #{hosts} /etc/hosts && exec \"$@\""
      IO.popen(["unshare", "-m", "sh", "-c", inside, "sh", *ruby, "-revgearman", "-e", script], "r+", &block)
    end

    # Fails when only the first address is tried: give up in evg_connection_try_next_way after one.
    it "has several addresses: all are tried" do
      server = fake_server(&:answer_echoes) # on 127.0.0.1 only
      script = "print EVGearman::Client.new(host: 'two-ways', port: #{server.port}, reconnect: false).echo('it was').value"
      expect(with_hosts("::1 two-ways\n127.0.0.1 two-ways\n", script, &:read)).to eq("it was")
    end

    # Fails when the addresses of the first connection are kept: do not ask evg_resolve again in evg_connection_begin.
    it "is looked up again when the connection ends: the server may have moved" do
      before = fake_server { |peer| peer.send(:echo_res, *peer.expect(:echo_req)) }
      behind = TCPServer.new("127.0.0.2", before.port)
      with_hosts("127.0.0.1 moves\n", <<~RUBY) do |child|
        client = EVGearman::Client.new(host: "moves", port: #{before.port}, reconnect_delay: 0.001, on_error: ->(_) {})
        $stdout.sync = true
        puts client.echo("here").value
        gets
        client.disconnect.echo("there").wait(#{Examples::PATIENCE})
      RUBY
        expect(child.gets).to eq("here\n")
        File.write(hosts, "127.0.0.2 moves\n")
        child.puts("it moved")
        expect(behind.wait_readable(Examples::PATIENCE)).to be(behind)
        behind.accept.close
        Process.kill("KILL", child.pid)
      end
    ensure
      behind&.close
    end

    it "is resolved without blocking the loop, and may not exist" do
      client = keep(EVGearman::Client.new(host: "no-such-host.invalid", loop: loop, reconnect: false, on_error: proc {}))
      error = client.echo("x").wait(Examples::PATIENCE).error
      expect(error).to have_attributes(class: EVGearman::ResolveError, delivery: :not_sent,
                                       message: /\Aconnect failed: cannot resolve host/)
    end

    it "may be an IPv6 address" do
      listener = begin
        TCPServer.new("::1", 0)
      rescue SystemCallError
        skip "no IPv6 here"
      end
      client = keep(EVGearman::Client.new(url: "[::1]:#{listener.addr[1]}", loop: loop, reconnect: false))
      eventually { client.connected? }
      listener.close
    end
  end

  describe "that does not answer" do
    # A listener that nobody accepts from, with its backlog full: the kernel drops further SYNs.
    def deaf_listener
      listener = Socket.new(:INET, :STREAM)
      listener.bind(Addrinfo.tcp("127.0.0.1", 0))
      listener.listen(0)
      fillers = Array.new(4) { Socket.new(:INET, :STREAM) }
      fillers.each { |socket| socket.connect_nonblock(listener.local_address, exception: false) }
      yield listener.local_address.ip_port
    ensure
      [listener, *fillers].each { |socket| socket&.close }
    end

    it "is given connect_timeout for the connection" do
      deaf_listener do |port|
        client = keep(EVGearman::Client.new(port: port, loop: loop, reconnect: false, connect_timeout: 0.1))
        client.on_error { |error| errors << error }
        error = client.echo("x").wait(Examples::PATIENCE).error
        expect(error).to have_attributes(class: EVGearman::ConnectTimeoutError, delivery: :not_sent)
        eventually { errors.map(&:class) == [EVGearman::ConnectTimeoutError] }
      end
    end

    # The ancestor said "disconnected" also to the request whose time was up.
    it "is given command_timeout for a reply, and nothing is left of the connection" do
      server = fake_server(prologue: false, &:read_on)
      client = client_for(server, command_timeout: 0.1, reconnect: false)
      tasks = Array.new(3) { client.echo("x") }
      expect(tasks.first.wait.error).to have_attributes(class: EVGearman::CommandTimeoutError, message: /\Acommand timeout/,
                                                        delivery: :unacknowledged)
      expect(tasks.drop(1).map { |task| short(task.wait.error) }).to all(eq("disconnected").or(eq("command timeout")))
      expect(eventually { errors.first }).to have_attributes(class: EVGearman::CommandTimeoutError)
      expect(client.state).to eq(:idle)
    end

    it "is given no more time because others ask too" do
      client = client_for(fake_server(prologue: false), command_timeout: 0.2)
      loop.every(0.02) { client.echo("again") }
      expect(client.echo("first").wait(Examples::PATIENCE).error).to be_a(EVGearman::CommandTimeoutError)
    end

    it "is given up when it freezes" do
      server = own_server
      client = client_for(server, command_timeout: 0.2, **quick)
      client.echo("x").value
      server.freeze
      expect(client.echo("y").wait(Examples::PATIENCE).error).to be_a(EVGearman::CommandTimeoutError)
      server.thaw
      client.command_timeout = 30
      expect(client.echo("z").value).to eq("z")
    end

    it "is waited for when it freezes for a short time only: no job is lost, or done twice" do
      server = own_server
      done = []
      worker = worker_for(server).register_function(name) { |job| (done << job.workload).last }.work
      client = client_for(server)
      expect(client.call(name, "before")).to eq("before")
      server.freeze
      tasks = Array.new(5) { |n| client.submit_job(name, n.to_s) }
      loop.run(0.3)
      server.thaw
      expect(tasks.map(&:value)).to eq(%w[0 1 2 3 4])
      expect([done, client.stats[:reconnects], worker.stats[:reconnects]]).to eq([%w[before 0 1 2 3 4], 0, 0])
    end

    it "is found by the heartbeat, though nobody asks anything" do
      client = client_for(fake_server { |peer| peer.expect(:echo_req) }, heartbeat: 0.1, reconnect: false).connect
      expect(eventually { errors.first }).to be_a(EVGearman::CommandTimeoutError)
      expect(client.state).to eq(:idle)
    end

    it "is heard by the heartbeat when it is only quiet" do
      server = fake_server(&:answer_echoes)
      client = client_for(server, heartbeat: 0.2)
      eventually { server.received.count { |packet| packet.first == :echo_req } >= 3 }
      expect(client.stats).to include(submitted: 0, reconnects: 0)
      expect(client).to be_connected
    end

    it "has its timeouts judged only after what lies in the socket was read" do
      server = fake_server(&:answer_echoes)
      client = client_for(server, command_timeout: 0.2)
      client.echo("x").value
      task = client.echo("y")
      loop.run_once(0)
      sleep(0.5) # nobody drives
      expect(task.value).to eq("y")
    end
  end

  it "is found closed before a request is written, when nobody looked for a while" do
    server = fake_server do |peer|
      peer.number.zero? ? peer.send(:echo_res, *peer.expect(:echo_req)) && peer.close : peer.answer_echoes
    end
    client = client_for(server, **quick)
    client.echo("x").value
    sleep(1.2) # longer than the time after which a loop looks before it speaks
    expect(client.echo("y").value).to eq("y")
  end

  describe "back-off" do
    it "has a random delay, so that clients do not come back in step" do
      closed = fake_server.tap(&:close)
      first = Array.new(10) do
        attempts = []
        made = EVGearman::Loop.new
        client = EVGearman::Client.new(url: closed.url, loop: made, reconnect_delay: 0.2)
        client.on_error { attempts << now }
        client.connect
        made.run_once(0.01) until attempts.size == 2
        made.close
        attempts[1] - attempts[0]
      end
      expect(first.uniq.size).to eq(10)
      expect(first.max - first.min).to be > 0.01
    end
  end
end
