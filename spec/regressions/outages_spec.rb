# frozen_string_literal: true

# Servers that are away, come and go, or are there and dead.
RSpec.describe "An outage" do
  let(:quick) { { reconnect_delay: 0.001, reconnect_max_delay: 0.01 } }

  describe "that began before the first connection" do
    # Fails when what waits is forgotten at a refused connect: drop end_waiting from `plan` in session/session.c.
    [{ reconnect: false }, { max_reconnect_attempts: 3, reconnect_delay: 0.001 }].each do |options|
      it "ends each request once, blocks included: #{options.keys.first}" do
        client = client_for(fake_server.tap(&:close), command_timeout: nil, **options)
        told = Hash.new(0)
        5.times { |n| client.submit_job("f", n.to_s) { |_, error| told[[n, error.delivery]] += 1 } }
        3.times { |n| client.echo("x") { |_, error| told[[n + 5, error.delivery]] += 1 } }
        eventually { told.size == 8 }
        loop.run(0.02)
        expect(told).to eq((0...8).to_h { |n| [[n, :not_sent], 1] })
        expect(client.stats).to include(submitted: 8, resolved: 8, pending: 0, packets_in: 0)
      end
    end
  end

  describe "of a server that accepts and closes" do
    # Fails when a connection counts as success: call evg_backoff_succeeded in evg_session_opened. It then never ends, and
    # makes thousands of connections in a second.
    it "is given up after as many attempts as it may make, though each connected" do
      server = fake_server(prologue: false, &:close)
      client = client_for(server, max_reconnect_attempts: 3, reconnect_delay: 0)
      client.connect
      eventually { errors.last.is_a?(EVGearman::ReconnectExhaustedError) }
      loop.run(0.1)
      expect([server.peers.size, client.state]).to eq([3, :idle])
    end

    # Fails when the pauses do not grow: let evg_backoff_delay answer 0.
    it "is asked less and less often" do
      server = fake_server(prologue: false, &:close)
      client_for(server).connect
      loop.run(1.5)
      expect(server.peers.size).to be < 30
    end
  end

  # Fails when the answer to "version" counts as success: it is asked thousands of times a second, and never given up.
  describe "of a server that greets and closes" do
    let(:server) do
      fake_server(prologue: false) do |peer|
        peer.expect(:text)
        peer.write("OK 1.1.20\n")
        peer.close
      end
    end

    it "is given up by a client" do
      client_for(server, max_reconnect_attempts: 3, reconnect_delay: 0).connect
      eventually { errors.last.is_a?(EVGearman::ReconnectExhaustedError) }
      expect(server.peers.size).to eq(3)
    end

    it "is given up by a worker" do
      worker = worker_for(server, max_reconnect_attempts: 3, reconnect_delay: 0)
      worker.register_function("f") { "" }.work
      eventually { errors.last.is_a?(EVGearman::ReconnectExhaustedError) }
      expect(server.peers.size).to eq(3)
    end
  end

  # Fails when a socket that cannot be made ends the attempts: return without a plan when evg_transport_connect fails. By name
  # when it is said that nobody knows it: let find_out_why in net/resolver.c answer what it is given.
  %i[tcp unix name].each do |kind|
    it "for want of descriptors is over when there are some again: #{kind}" do
      server = fake_server(unix: kind == :unix, &:answer_echoes)
      url = kind == :name ? server.url.sub("127.0.0.1", "localhost") : server.url
      text, status = child(<<~RUBY, url:, patience: 15)
        errors = []
        made = client(reconnect_delay: 0.001, reconnect_max_delay: 0.01, on_error: ->(error) { errors << error.message })
        made.echo("x").value
        made.disconnect
        LOOP.run(0.01)
        Process.setrlimit(:NOFILE, 64)
        taken = []
        begin
          loop { taken << File.open("/dev/null") }
        rescue SystemCallError
          task = made.echo("y")
          LOOP.run_once(1) until errors.size > 5
          taken.each(&:close)
          puts task.value(10), errors.uniq
        end
      RUBY
      expect([text.lines.map(&:chomp), status.exitstatus]).to eq([["y", "connect failed: Too many open files (#{url.delete_prefix("unix://")})"], 0])
    end
  end

  # Fails when libev is left to itself: it ends the process. Drop set_syserr_cb from net/libev.c.
  it "for want of descriptors is an error of who makes a loop, until there are some again" do
    text, status = child(<<~RUBY, url: "127.0.0.1:1", patience: 15)
      Process.setrlimit(:NOFILE, 64)
      taken = []
      begin
        loop { taken << File.open("/dev/null") }
      rescue Errno::EMFILE
        EVGearman::Loop.new rescue puts $!.message
      end
      taken.each(&:close)
      puts EVGearman::Loop.new.run_once(0)
    RUBY
    expect([text.lines.map(&:chomp), status.exitstatus])
      .to eq([["Too many open files - cannot make an event loop", "false"], 0])
  end

  %i[tcp unix].each do |kind|
    # Fails when a write to a closed socket kills the process: drop MSG_NOSIGNAL in net/transport.c.
    it "that is found by a write does not kill the process: #{kind}" do
      server = fake_server(unix: kind == :unix) do |peer|
        peer.number.zero? ? peer.send(:echo_res, *peer.expect(:echo_req)) && peer.close : peer.answer_echoes
      end
      text, status = child(<<~RUBY, url: server.url, patience: 15)
        trap("PIPE", "SYSTEM_DEFAULT")
        made = client(reconnect_delay: 0.001, reconnect_max_delay: 0.01, on_error: ->(_) {})
        made.echo("x").value(10)
        made.pause_reading # so that only a write can tell
        sleep(0.05)
        3.times { made.submit_job_bg("f", "x") && LOOP.run_once(0.05) }
        puts made.resume_reading.disconnect.echo("alive").value(10)
      RUBY
      expect([text, status.exitstatus]).to eq(["alive\n", 0])
    end
  end

  describe "of a server that is there and says nothing" do
    # Fails when only requests are watched: let beat_deadline in session/session.c answer INFINITY. The job would wait for
    # ever.
    it "ends jobs that run there" do
      server = fake_server { |peer| peer.expect(:submit_job) && peer.send(:job_created, "H:1") && peer.stall }
      client = client_for(server, heartbeat: 0.05, lost_check: nil, command_timeout: nil, reconnect: false)
      error = client.submit_job("f").wait(Examples::PATIENCE).error
      expect(error).to have_attributes(class: EVGearman::DisconnectedError, delivery: :accepted)
      expect(eventually { errors.first }).to be_a(EVGearman::CommandTimeoutError)
    end

    # Fails when a worker does not look: it would sleep for ever on a connection that is dead.
    it "ends the connection of a sleeping worker, which then works on the next" do
      server = fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.number.zero? ? peer.send(:no_job) && peer.stall : peer.send(:job_assign_uniq, "H:1", "f", "", "x")
      end
      worker_for(server, heartbeat: 0.05, poll_interval: nil, **quick).register_function("f", &:workload).work
      eventually { server.commands.include?(:work_complete) }
    end

    # Fails when a server that lost a job is believed to run it: drop evg_client_lost_checked.
    it "about a job, which it does not know any more, ends that job" do
      server = fake_server do |peer|
        peer.expect(:submit_job) && peer.send(:job_created, "H:1")
        while (command, key = peer.next)
          peer.send(:status_res, key, "0", "0", "0", "0") if command == :get_status
        end
      end
      task = client_for(server, lost_check: 0.05).submit_job("f").wait(Examples::PATIENCE)
      expect(task.error).to have_attributes(class: EVGearman::JobLostError, handle: "H:1")
    end
  end

  # Fails when the end of a connection is read again and again: leave it open at EVG_IO_EOF in net/pipe.c.
  it "in the middle of a text ends the question, and costs a few calls" do
    server = fake_server { |peer| peer.expect(:text) && peer.write("row\t1\t0\t1\n") && peer.close }
    received, error = counting_child(<<~RUBY, url: server.url).lines.map(&:chomp)
      made = client(reconnect: false, on_error: ->(_) {})
      task = made.admin("status")
      puts growth(:receives) { task.wait(30) && LOOP.run(0.2) }, task.error.class
    RUBY
    expect([received.to_i <= 20, error]).to eq([true, "EVGearman::DisconnectedError"])
  end

  describe "that is over" do
    # Fails when a request in the block of a failed one is refused or lost: raise in client_ask while the state is DOWN.
    it "finds the requests that were made again by those that failed, once each" do
      server = fake_server { |peer| peer.number.zero? ? 20.times { peer.expect(:echo_req) } && peer.reset : peer.answer_echoes }
      client = client_for(server, **quick)
      seen = []
      20.times { |n| client.echo(n.to_s) { |_, error| error && client.echo("again #{n}") { |value| seen << value } } }
      eventually { seen.size == 20 }
      expect(seen).to eq(Array.new(20) { |n| "again #{n}" })
      expect(server.received.count { |command, data| command == :echo_req && data != "dialect" }).to eq(40)
    end

    # Fails when options and the client id are forgotten: drop evg_session_replay from queue_prologue.
    it "finds the options, the client id and the abilities told again, before everything else" do
      server = fake_server { |peer| peer.number.zero? ? peer.skip_to(:can_do) && peer.close : nil }
      worker = worker_for(server, client_id: "me", **quick).register_function("f") { nil }
      worker.connect
      eventually { server.peers.size == 2 && server.peer.commands.include?(:can_do) }
      expect(server.peers.map { |peer| peer.received.first(4) }.uniq)
        .to eq([[[:text, "version"], [:set_client_id, "me"], [:option_req, "exceptions"], [:can_do, "f"]]])
    end
  end

  # Fails when every client comes back after the same pause: let evg_backoff_delay answer its limit. 100 of 100 are then in
  # one tenth of it.
  it "is ended by each of a hundred clients in its own time" do
    server = fake_server.tap(&:close)
    limit = 2.0
    refused = Hash.new { |hash, key| hash[key] = [] }
    clients = Array.new(100) do
      client_for(server, reconnect_delay: limit, reconnect_max_delay: limit).tap do |client|
        client.on_error { refused[client] << now }
        client.connect
      end
    end
    eventually { clients.count { |client| refused[client].size >= 2 } >= 60 }
    tenths = clients.filter_map { |client| refused[client][1] && ((refused[client][1] - refused[client][0]) / limit * 10).floor }
    expect(tenths.tally.values.max).to be < 40
    expect(tenths.uniq.size).to be >= 4
  end

  describe "of the name server" do
    # In a network of its own, whose name server hears and does not answer. Only root can make one.
    def in_a_network_without_names(script)
      directory = Dir.mktmpdir
      resolv = File.join(directory, "resolv.conf")
      File.write(resolv, "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n")
      inside = "ip link set lo up && mount --bind #{resolv} /etc/resolv.conf && exec \"$@\""
      skip "needs unshare -mn" unless system("unshare", "-mn", "sh", "-c", inside, "sh", "true", %i[out err] => File::NULL)
      Open3.capture2e("unshare", "-mn", "sh", "-c", inside, "sh", *ruby, "-e", Children::PRELUDE + script, "nobody")
    ensure
      FileUtils.rm_rf(directory)
    end

    # Fails when a name is looked up on the thread that turns the loop: call getaddrinfo in evg_connection_begin.
    it "leaves the loop free: its timers go on" do
      text, = in_a_network_without_names(<<~RUBY)
        require "socket"
        silent = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 53) }
        made = EVGearman::Client.new(host: "some.where.example", loop: LOOP, on_error: ->(_) {})
        task = made.echo("x")
        ticks = 0
        LOOP.every(0.01) { ticks += 1 }
        LOOP.run_once(1) until silent.recv_nonblock(1000, exception: false) != :wait_readable
        before = ticks
        LOOP.run(0.5)
        puts ticks - before > 10, task.done?, made.connecting?
        exit!(0)
      RUBY
      expect(text.lines.map(&:chomp)).to eq(%w[true false true])
    end
  end
end
