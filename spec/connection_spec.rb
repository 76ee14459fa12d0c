# frozen_string_literal: true

RSpec.describe EVGearman::Connection do
  # Nobody listens there.
  def idle(**options) = keep(EVGearman::Client.new(port: 1, loop: loop, **options))

  let(:echoing) { fake_server(&:answer_echoes) }

  describe "options" do
    # The ancestor counted timeouts in milliseconds, and had none unless it was told.
    {
      connect_timeout: [5, 1.5], command_timeout: [30, 2], heartbeat: [20, 0.5], keepalive: [60, 7],
      io_priority: [0, 2], max_unsent: [64 * 1024 * 1024, 1]
    }.each do |name, (default, other)|
      it "have #{name}, which is #{default} and may be set at any time" do
        expect(idle.public_send(name)).to eq(default)
        client = idle(name => other)
        expect(client.public_send(name)).to eq(other)
        client.public_send(:"#{name}=", default)
        expect(client.public_send(name)).to eq(default)
      end
    end

    %i[connect_timeout command_timeout heartbeat keepalive].each do |name|
      it "turn #{name} off by nil or 0" do
        expect(idle(name => nil).public_send(name)).to be_nil
        expect(idle(name => 0).public_send(name)).to be_nil
      end

      it "refuse a #{name} that is no time" do
        [-1, -0.001, "5", :soon, Float::NAN, true, []].each do |value|
          expect { idle(name => value) }.to raise_error(ArgumentError)
          expect { idle.public_send(:"#{name}=", value) }.to raise_error(ArgumentError)
        end
      end

      it "take any real number as #{name}" do
        expect(idle(name => 3r / 2).public_send(name)).to eq(1.5)
      end
    end

    it "refuse numbers out of range" do
      [{ io_priority: 3 }, { io_priority: -3 }, { io_priority: 0.5 }, { io_priority: nil }, { max_unsent: 0 },
       { max_unsent: -1 }, { max_unsent: nil }, { max_packet: 0 }, { max_packet: 9 }, { max_packet: "1" }, { max_text: -1 },
       { max_reconnect_attempts: -1 }, { max_reconnect_attempts: 1.5 }, { reconnect_delay: -1 },
       { reconnect_max_delay: "x" }, { lost_check: -1 }, { max_packet: 2**70 }].each do |options|
        expect { idle(**options) }.to raise_error(ArgumentError)
      end
    end

    it "are a millisecond at least, where they are seconds at all" do
      expect(idle(heartbeat: 1e-20, command_timeout: 0.0005, reconnect_delay: 0)).to have_attributes(heartbeat: 0.001, command_timeout: 0.001)
      expect(idle(heartbeat: 0).heartbeat).to be_nil
    end

    it "refuse names that max_packet does not take" do
      expect { idle(max_packet: 10, client_id: "eleven-byte") }.to raise_error(ArgumentError, /longer than max_packet/)
      expect { idle(max_packet: 10).option("eleven byte") }.to raise_error(ArgumentError, /longer than max_packet/)
      worker = keep(EVGearman::Worker.new(port: 1, loop: loop, max_packet: 10))
      expect { worker.register_function("eleven byte") { "" } }.to raise_error(ArgumentError, /longer than max_packet/)
      expect(worker.functions).to eq([])
    end

    it "refuse what they do not know, by name" do
      expect { idle(timeout: 1) }.to raise_error(ArgumentError, "unknown option: timeout")
      expect { idle(on_success: proc {}) }.to raise_error(ArgumentError, "unknown option: on_success")
      expect { idle(prefetch: 1) }.to raise_error(ArgumentError, "unknown option: prefetch")
      expect { EVGearman::Worker.new(foo: 1, bar: 2) }.to raise_error(ArgumentError, "unknown option: foo, bar")
    end

    it "refuse a loop that is none" do
      expect { EVGearman::Client.new(loop: Object.new) }.to raise_error(TypeError)
    end

    it "have exceptions, which is true" do
      expect(idle.exceptions).to be(true)
      expect(idle(exceptions: false).exceptions).to be(false)
    end

    it "have reconnect, which may be turned off and on" do
      client = idle
      expect(client).to be_reconnect
      expect(client.reconnect(false)).to be(client)
      expect(client).not_to be_reconnect
      client.reconnect(true, 0.5, 3)
      expect(client).to be_reconnect
      expect { client.reconnect }.to raise_error(ArgumentError)
      expect { client.reconnect(false, -1) }.to raise_error(ArgumentError)
      expect { client.reconnect(false, 0.5, -1) }.to raise_error(ArgumentError)
      expect(client.reconnect?).to be(true)
    end

    describe "client_id" do
      ["", "a b", "a\nb", "a\0b", "ä", "x" * 64, "\x7F"].each do |id|
        it "is not #{id[0, 10].inspect}" do
          expect { idle(client_id: id) }.to raise_error(ArgumentError, /client_id must be/)
          expect { idle.set_client_id(id) }.to raise_error(ArgumentError, /client_id must be/)
        end
      end

      it "is a String" do
        expect { idle(client_id: 5) }.to raise_error(TypeError)
        expect { idle.set_client_id(nil) }.to raise_error(TypeError)
      end

      it "is kept" do
        client = idle(client_id: "me")
        expect(client.client_id).to eq("me")
        expect(client.set_client_id("you").client_id).to eq("you")
        expect(idle.client_id).to be_nil
      end

      it "is told to the server, now and on every connect" do
        client = client_for(echoing, client_id: "first")
        client.echo("x").value
        client.set_client_id("second")
        client.echo("x").value
        client.disconnect
        client.echo("x").value
        expect(echoing.received.select { |name, _| name == :set_client_id }.map(&:last)).to eq(%w[first second second])
      end

      it "is what the server lists" do
        client = client_for(shared_server, client_id: "listed-#{Process.pid}")
        client.echo("x").value
        expect(shared_server.ask("workers").grep(/ listed-#{Process.pid} :/).size).to eq(1)
      end
    end
  end

  describe "#initialize" do
    # The ancestor connected at once when it was given a host.
    it "touches no network" do
      server = fake_server
      client = client_for(server)
      expect(client).to have_attributes(state: :idle, connected?: false, connecting?: false, closed?: false)
      expect(server.peers).to be_empty
    end

    it "happens once" do
      expect { idle.send(:initialize) }.to raise_error(TypeError)
      expect { EVGearman::Client.allocate.echo("x") }.to raise_error(TypeError)
      expect { EVGearman::Client.allocate.stats }.to raise_error(TypeError)
    end

    it "leaves nothing behind when it fails" do
      100.times { expect { idle(client_id: "a b") }.to raise_error(ArgumentError) }
      GC.start
      expect(loop.run(0.01)).to be(false)
    end
  end

  describe "#connect" do
    it "starts and does not wait" do
      client = client_for(echoing)
      expect(client.connect).to be(client)
      expect(client).to have_attributes(state: :connecting, connecting?: true, connected?: false)
      eventually { client.connected? }
      expect(client).to have_attributes(state: :connected, connecting?: false, connected?: true)
    end

    it "happens by itself at the first request" do
      client = client_for(echoing)
      task = client.echo("x")
      expect(client.state).to eq(:connecting)
      expect(task.value).to eq("x")
    end

    it "happens by itself when the loop runs" do
      client = client_for(echoing)
      eventually { client.connected? }
    end

    # Fails when only `run` looks for clients that never connected, and only when it begins.
    it "happens by itself when the loop is started" do
      client = client_for(echoing)
      loop.start
      eventually { client.connected? }
    end

    # Ditto.
    it "happens by itself when the loop runs already" do
      loop.post { client_for(echoing, on_connect: -> { loop.stop }) }
      expect(loop.run(Examples::PATIENCE)).to be(true)
    end

    it "refuses when it is about to connect or connected by an earlier one" do
      client = client_for(echoing).connect
      expect { client.connect }.to raise_error(EVGearman::ConnectionError, /\Aalready connected/)
      eventually { client.connected? }
      expect { client.connect }.to raise_error(EVGearman::ConnectionError, /\Aalready connected/)
      expect { client.connect("127.0.0.1", 1) }.to raise_error(EVGearman::ConnectionError, /\Aalready connected/)
      expect(client.echo("x").value).to eq("x")
      client.disconnect
      expect(client.connect).to be(client)
    end

    it "is harmless when a request connected first" do
      client = client_for(echoing)
      client.echo("x")
      expect(client.connect).to be(client)
      expect(client.echo("y").value).to eq("y")
      expect(echoing.peers.size).to eq(1)
    end

    it "goes elsewhere when a request connected first, and takes along what was not written" do
      errors, disconnects = [], 0
      other = fake_server(&:answer_echoes)
      client = client_for(echoing, on_error: ->(e) { errors << e }, on_disconnect: -> { disconnects += 1 })
      expect(client.echo("here").value).to eq("here")
      task = client.echo("x" * 20_000_000) # more than a socket takes
      loop.run_once(0)
      waiting = client.echo("y")
      client.connect("127.0.0.1", other.port)
      expect { task.value }.to raise_error(EVGearman::DisconnectedError)
      expect(waiting.value).to eq("y")
      expect([client.port, other.peers.size, errors, disconnects]).to eq([other.port, 1, [], 1])
    end

    it "goes elsewhere when it is told to" do
      client = idle(on_error: proc {})
      client.connect(echoing.host, echoing.port)
      expect(client.echo("x").value).to eq("x")
      expect(client.server).to eq(echoing.url)
    end

    it "takes the usual port when only a host is given" do
      client = idle.connect("127.0.0.1")
      expect(client.port).to eq(4730)
      client.disconnect
    end

    it "cancels a pending reconnect and takes its place" do
      client = idle(reconnect_delay: 1000, reconnect_max_delay: 1000, on_error: ->(e) { errors << e }).connect
      task = client.echo("x")
      eventually { errors.any? && client.state == :waiting }
      client.connect(echoing.host, echoing.port)
      expect(task.value).to eq("x")
    end

    it "hastens a pending reconnect" do
      away = fake_server.tap(&:close)
      client = client_for(away, reconnect_delay: 1000, reconnect_max_delay: 1000).connect
      eventually { client.state == :waiting }
      away.start
      client.connect
      eventually { client.connected? }
    end

    it "refuses an address that is none" do
      [["", 1], ["a", 0], ["a", 65_536], ["a\0b", 1]].each do |address|
        expect { idle.connect(*address) }.to raise_error(ArgumentError)
      end
      expect { idle.connect(5) }.to raise_error(TypeError)
      expect { idle.connect_unix("") }.to raise_error(ArgumentError)
      expect { idle.connect_unix("/#{"x" * 108}") }.to raise_error(ArgumentError)
      expect { idle.connect_unix(nil) }.to raise_error(TypeError)
    end
  end

  describe "a unix socket" do
    let(:server) { fake_server(unix: true, &:answer_echoes) }

    it "is as good as a port" do
      expect(client_for(server).echo("x").value).to eq("x")
    end

    it "may be connected to later" do
      client = idle
      expect(client.connect_unix(server.path).echo("x").value).to eq("x")
      expect(client).to have_attributes(path: server.path, host: nil, port: nil, server: server.path)
    end

    it "tells of its connection though that is made at once" do
      connected = 0
      client_for(server, on_connect: -> { connected += 1 }).connect
      expect(eventually { connected.positive? && connected }).to eq(1)
    end

    it "carries large payloads" do
      payload = Random.new(4).bytes(3_000_000)
      expect(client_for(server).echo(payload).value).to eq(payload)
    end

    it "may not be there" do
      client = keep(EVGearman::Client.new(path: "/nonexistent/socket", loop: loop, reconnect: false, on_error: proc {}))
      expect { client.echo("x").value }.to raise_error(EVGearman::ConnectError, /\Aconnect failed: No such file or directory/)
    end
  end

  describe "the prologue" do
    it "comes first: version, client id, options; then what waited, in order" do
      server = fake_server
      client = client_for(server, client_id: "me")
      client.echo("1")
      client.submit_job_bg("f", "2", unique: nil)
      client.echo("3")
      eventually { server.received.size == 6 }
      expect(server.received).to eq([[:text, "version"], [:set_client_id, "me"], [:option_req, "exceptions"],
                                     [:echo_req, "1"], [:submit_job_bg, "f", "", "2"], [:echo_req, "3"]])
    end

    it "does without options that are turned off" do
      client = client_for(echoing, exceptions: false)
      client.echo("x").value
      expect(echoing.commands).to eq(%i[text echo_req])
    end

    it "tells the dialect" do
      greetings = { "OK 1.1.20\n" => :gearmand, "2.004.015\r\n" => :perl, "ERR unknown_command Unknown\r\n" => :unknown }
      greetings.each do |greeting, dialect|
        client = client_for(fake_server(greeting: greeting, &:answer_echoes))
        expect(client.dialect).to eq(:unknown)
        client.echo("x").value
        expect(client.dialect).to eq(dialect)
      end
    end
  end

  describe "hooks" do
    it "are given as options or set by methods, are read and cleared" do
      hook = proc {}
      EVGearman::Connection::HOOKS.each do |name|
        expect(idle(name => hook).public_send(name)).to be(hook)
        client = idle(name => nil)
        expect(client.public_send(name)).to be_nil
        expect(client.public_send(name, &hook)).to be(client)
        expect(client.public_send(name)).to be(hook)
        client.public_send(:"#{name}=", nil)
        expect(client.public_send(name)).to be_nil
      end
    end

    it "have to answer call" do
      expect { idle(on_error: "nonsense") }.to raise_error(ArgumentError)
      expect { idle.on_connect = 5 }.to raise_error(ArgumentError)
    end

    it "tell of a connection once it is made" do
      order = []
      client = client_for(echoing, on_connect: -> { order << [:connect, client.state] })
      client.echo("x") { order << :echo }.value
      expect(order).to eq([%i[connect connected], :echo])
    end

    it "let requests made in on_connect go behind those that waited" do
      client = client_for(echoing)
      client.on_connect { client.echo("from on_connect") }
      tasks = Array.new(3) { |n| client.echo(n.to_s) }
      tasks.each(&:value)
      eventually { echoing.received.last == [:echo_req, "from on_connect"] }
      expect(echoing.received.select { |name, _| name == :echo_req }.map(&:last)).to eq(["0", "1", "2", "from on_connect"])
    end

    it "come in order when a connection ends: Tasks, lost jobs, on_disconnect, on_error" do
      order = []
      server = fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.send(:job_assign_uniq, "H:1", "f", "u", "x")
        2.times { peer.skip_to(:echo_req) }
        peer.close
      end
      worker = worker_for(server, reconnect: false)
      worker.on_disconnect { order << :disconnect }
      worker.on_error { |error| order << short(error) }
      jobs = []
      worker.register_function("f", async: true) { |job| jobs << job.on_lost { order << :lost } }.work
      eventually { jobs.any? }
      2.times { |n| worker.echo("x") { |_, error| order << [n, short(error)] } }
      eventually { order.include?("connection closed by server") }
      expect(order).to eq([[0, "disconnected"], [1, "disconnected"], :lost, :disconnect, "connection closed by server"])
    end

    it "do not tell of an error when we disconnect ourselves" do
      disconnected = 0
      client = client_for(echoing, on_disconnect: -> { disconnected += 1 })
      client.echo("x").value
      client.disconnect
      expect(disconnected).to eq(0)
      eventually { disconnected == 1 }
      loop.run(0.01)
      expect(errors).to be_empty
    end

    it "do not tell of the end of what was never open" do
      disconnected = 0
      client = idle(reconnect: false, on_error: ->(e) { errors << e }, on_disconnect: -> { disconnected += 1 })
      client.connect
      eventually { errors.any? }
      expect(disconnected).to eq(0)
    end

    it "may raise: that is told to on_callback_error, with their name" do
      told = []
      client = client_for(echoing, on_connect: -> { raise "oops" }, on_callback_error: ->(*args) { told << args })
      expect(client.echo("x").value).to eq("x")
      expect(told).to match([[an_instance_of(RuntimeError), "on_connect"]])
    end

    describe "by default" do
      it "print one line per cause and outage" do
        server = fake_server(&:answer_echoes)
        client = keep(EVGearman::Client.new(url: server.url, loop: loop, reconnect_delay: 0.001, reconnect_max_delay: 0.001))
        outage = lambda do
          client.echo("x").value
          server.close
          server.peer.close
          eventually { client.state == :waiting }
          loop.run(0.1)
          server.start
        end
        line = /evgearman: (connection closed by server|connect failed: Connection refused) \(#{server.url}\)\n/
        2.times { expect(&outage).to output(/\A#{line}#{line}\z/).to_stderr }
      end

      it "print the same cause again when it is another outage" do
        client = keep(EVGearman::Client.new(url: echoing.url, loop: loop, reconnect_delay: 0.001))
        outage = lambda do
          client.echo("x").value
          peers = echoing.peers.size
          echoing.peer.close
          eventually { client.connected? && echoing.peers.size > peers }
        end
        2.times { expect(&outage).to output("evgearman: connection closed by server (#{echoing.url})\n").to_stderr }
      end

      it "print what a block raised" do
        client = keep(EVGearman::Client.new(url: echoing.url, loop: loop))
        line = /\Aevgearman: block raised RuntimeError: oops .+\n\z/
        expect { client.echo("x") { raise "oops" }.wait }.to output(line).to_stderr
      end

      # Fails when a block that raises each time fills the log.
      it "print what a block raises once for each cause" do
        client = client_for(echoing, on_callback_error: :default)
        again = -> { 3.times { client.echo("x") { raise "again and again" }.wait } }
        expect(&again).to output(/\A[^\n]+again and again [^\n]+\n\z/).to_stderr
        expect(&again).not_to output.to_stderr
      end

      it "go on when there is nowhere to print to" do
        text, status = child(<<~RUBY, url: fake_server.tap(&:close).url)
          $stderr.reopen("/dev/full", "w").sync = true
          made = client(reconnect_delay: 0.001)
          made.echo("x") { raise "nobody hears of it" }.wait(0.1)
          made.close
          LOOP.post { puts "alive" }
          LOOP.run(0.05)
        RUBY
        expect([text, status.exitstatus]).to eq(["alive\n", 0])
      end

      # Fails when what somebody else wrote is printed as it is: a line end in it would begin a line of his.
      it "print one line for what has several, and no more of it than one can read" do
        client = client_for(echoing, on_callback_error: :default)
        raised = -> { client.echo("x") { raise "ERR\r\nevgearman: all is well\e[0m\xFF#{"y" * 100_000}" }.wait }
        line = /\Aevgearman: block raised RuntimeError: ERR\\r\\nevgearman: all is well\\e\[0m[^\n\e]{,3000}\n\z/
        expect(&raised).to output(line).to_stderr
      end

      it "are silent when nil, and print again by :default" do
        client = client_for(echoing, on_callback_error: nil, on_error: nil)
        expect(client.on_callback_error).to be_nil
        expect { client.echo("x") { raise "unheard" }.wait }.not_to output.to_stderr
        client.on_callback_error = :default
        expect { client.echo("x") { raise "heard" }.wait }.to output(/heard/).to_stderr
      end

      it "are silent about connections when on_error is nil, and print again by :default" do
        client = keep(EVGearman::Client.new(port: 1, loop: loop, reconnect: false, on_error: nil))
        expect { client.echo("x").wait }.not_to output.to_stderr
        usual = idle(on_error: :default).on_error
        client.on_error = :default
        expect { client.echo("x").wait }.to output(/\Aevgearman: connect failed/).to_stderr
        client.on_error = usual # what was read can be set
        expect(client.on_error).to eq(usual)
      end

      it "survive an on_callback_error that raises itself" do
        client = client_for(echoing, on_callback_error: ->(*) { raise "again" })
        client.echo("x") { raise "oops" }.wait
        expect(client.echo("y").value).to eq("y")
      end
    end
  end

  describe "#disconnect" do
    it "calls all 100 callbacks of 100 echoes" do
      client = client_for(fake_server)
      seen = []
      tasks = Array.new(100) { |n| client.echo(n.to_s) { |_, error| seen << [n, short(error)] } }
      eventually { client.pending_count == 100 }
      expect(client.disconnect).to be(client)
      expect(tasks.map(&:done?)).to all(be(true))
      expect(seen).to be_empty
      eventually { seen.size == 100 }
      expect(seen).to eq(Array.new(100) { |n| [n, "disconnected"] })
    end

    it "calls each callback once when the first of 30 disconnects" do
      client = client_for(echoing)
      seen = []
      30.times do |n|
        client.echo(n.to_s) { |value, error| seen << (value || error.message) && n.zero? && client.disconnect }
      end
      eventually { seen.size == 30 }
      expect(seen.first).to eq("0")
      expect(seen.tally.reject { |_, times| times == 1 }.keys).to be_empty.or match([start_with("disconnected")])
      loop.run(0.02)
      expect(seen.size).to eq(30)
    end

    it "fails what was not sent yet, which is known then" do
      client = client_for(fake_server)
      task = client.echo("x")
      client.disconnect
      expect(task.error).to have_attributes(class: EVGearman::DisconnectedError, message: /\Adisconnected/,
                                            delivery: :not_sent)
    end

    it "is down until the next request" do
      client = client_for(echoing)
      client.echo("x").value
      client.disconnect
      expect(client.state).to eq(:idle)
      loop.run(0.05)
      expect(client.state).to eq(:idle)
      expect(client.echo("y").value).to eq("y")
      expect(echoing.peers.size).to eq(2)
    end

    it "is down until connect" do
      connected = 0
      client = client_for(echoing, on_connect: -> { connected += 1 }).connect
      eventually { connected == 1 }
      client.disconnect.connect
      eventually { connected == 2 }
    end

    it "may be said again, and before any connection" do
      client = client_for(echoing)
      3.times { expect(client.disconnect).to be(client) }
      expect(client.echo("x").value).to eq("x")
    end

    it "may be said in on_connect" do
      client = client_for(echoing)
      client.on_connect { client.disconnect }
      task = client.echo("x")
      expect(task.wait.error).to be_a(EVGearman::DisconnectedError)
      expect(client.state).to eq(:idle)
    end

    it "cancels a connection that is being made" do
      client = client_for(echoing).connect.disconnect
      loop.run(0.03)
      expect(client.state).to eq(:idle)
    end

    it "can be seen by the server" do
      client = client_for(echoing)
      client.echo("x").value
      client.disconnect
      loop.run_once(0)
      expect(eventually { echoing.peer.next.nil? }).to be(true)
    end
  end

  describe "#close" do
    it "writes what is owed before it returns" do
      server = fake_server
      client = client_for(server)
      client.echo("x").tap { eventually { client.connected? } }
      payload = "x" * 5_000_000
      client.submit_job_bg("f", payload, unique: nil)
      client.close(Examples::PATIENCE)
      eventually { server.received.last == [:submit_job_bg, "f", "", payload] }
    end

    # Fails when only a client that is connected writes: a program that submits and closes loses its jobs.
    # Fails when it closes over what is still on its way: the first reply that meets the closed socket cuts that off.
    it "loses nothing of what is on its way" do
      server = own_server
      10.times do
        client = EVGearman::Client.new(url: server.url, loop: loop)
        100.times { client.submit_job_bg("f", "x" * 50_000) }
        client.close(Examples::PATIENCE)
      end
      eventually { server.status("f").first == 1000 }
    end

    # Fails when no limit is taken for no time.
    it "writes what waits for a connection" do
      [Examples::PATIENCE, nil].each do |timeout|
        server = fake_server
        client_for(server).tap { |client| client.submit_job_bg("f", "x", unique: nil) }.close(timeout)
        eventually { server.received.last == [:submit_job_bg, "f", "", "x"] }
      end
    end

    it "does not wait longer than its timeout for a server that is away" do
      client = client_for(fake_server.tap(&:close))
      task = client.submit_job_bg("f")
      client.close(0.05)
      expect(task.error.delivery).to eq(:not_sent)
    end

    # Fails when it waits for a server, and not for what is to be written to it.
    it "waits without a limit only until nothing waits any more" do
      away = fake_server.tap(&:close)
      [{ reconnect: false }, { max_reconnect_attempts: 2, reconnect_delay: 0.01 }, { command_timeout: 0.1 }].each do |options|
        client = client_for(away, **options)
        task = client.submit_job_bg("f")
        closing = Thread.new { client.close(nil) }
        expect(closing.join(Examples::PATIENCE)).to be(closing)
        expect(task.error.delivery).to eq(:not_sent)
        expect(short(task.error)).not_to eq("disconnected")
      end
    end

    # Fails when no time is a turn.
    it "begins no connection when it has no time" do
      client = client_for(echoing)
      task = client.submit_job_bg("f")
      client.close(0)
      client_for(echoing).echo("x").value
      expect([task.error.delivery, echoing.peers.size]).to eq([:not_sent, 1])
    end

    it "calls the blocks before it returns" do
      client = client_for(fake_server)
      seen = []
      client.on_disconnect { seen << :disconnect }
      client.echo("x") { |_, error| seen << short(error) }
      eventually { client.pending_count == 1 }
      expect(client.close).to be_nil
      expect(seen).to eq(["disconnected", :disconnect])
      expect(client).to be_closed
    end

    it "is for good" do
      client = client_for(echoing)
      client.close
      expect { client.echo("x") }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect { client.submit_job("f") }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect { client.connect }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect { client.set_client_id("x") }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect(client.disconnect.state).to eq(:closed)
      2.times { client.close }
    end

    it "does not wait longer than its timeout for a server that does not read" do
      client = client_for(fake_server(prologue: false, &:stall))
      eventually { client.connected? }
      client.submit_job_bg("f", "x" * 50_000_000)
      client.close(0.05)
      expect(client.stats).to include(submitted: 1, resolved: 1, pending: 0)
    end

    it "returns as soon as that is done, though another thread turns the loop" do
      client = client_for(fake_server)
      client.echo("x")
      running = Thread.new { loop.run }
      eventually { client.pending_count == 1 }
      client.submit_job_bg("f", "x" * 5_000_000, unique: nil)
      before = now
      client.close(Examples::PATIENCE)
      expect(now - before).to be < Examples::PATIENCE / 2
      loop.stop
      running.join
    end

    it "may be said in a block" do
      client = client_for(echoing)
      seen = []
      client.echo("x") { |value| seen << value && client.close }
      client.echo("y") { |value, error| seen << (value || error.message) }
      eventually { seen.size == 2 }
      expect(client).to be_closed
      expect(seen.first).to eq("x")
    end

    it "takes a time, or nil or 0 for none" do
      [nil, 0].each { |time| expect(client_for(echoing).close(time)).to be_nil }
      expect { client_for(echoing).close(-1) }.to raise_error(ArgumentError)
    end
  end

  it "may be collected while it is idle, though it is connected" do
    closed = 0
    server = fake_server do |peer|
      peer.answer_echoes
      closed += 1
    end
    made = EVGearman::Loop.new
    10.times { EVGearman::Client.new(url: server.url, loop: made).echo("x").value }
    eventually do
      GC.start
      made.run_once(0)
      closed >= 5
    end
    made.close
  end

  it "shows itself" do
    expect(idle.inspect).to eq("#<EVGearman::Client 127.0.0.1:1 idle pending=0 active=0>")
  end
end
