# frozen_string_literal: true

RSpec.describe "Packets that are traced" do
  let(:seen) { [] }
  let(:hook) { ->(*packet) { seen << packet } }

  def names(direction) = seen.select { |packet| packet.first == direction }.map { |packet| packet[1] }

  # Echoes what it is sent, in pieces of so many bytes.
  def echo_server(piece = 1 << 20, **options)
    fake_server(**options) do |peer|
      while (packet = peer.next)
        reply = EVGearman::Protocol.encode(:echo_res, packet.last, magic: :res)
        reply.bytes.each_slice(piece) { |bytes| peer.write(bytes.pack("C*")) && (sleep(0.0002) if piece < 100) }
      end
    end
  end

  describe "by on_packet" do
    it "are told with direction, name and arguments, in the order they are written and read" do
      client = client_for(shared_server, on_packet: hook, client_id: "traced")
      name = function
      handle = client.submit_job_bg(name, "a workload", unique: "key").value
      expect(seen).to match(
        [[:out, :text, ["version"]], [:out, :set_client_id, ["traced"]], [:out, :option_req, ["exceptions"]],
         [:out, :submit_job_bg, [name, "key", "a workload"]],
         [:in, :text, [/\AOK /]], [:in, :option_res, ["exceptions"]], [:in, :job_created, [handle]]]
      )
      run_the_job(name)
      expect(seen).to include([:in, :job_assign_uniq, [handle, name, "key", "a workload"]])
      expect(seen).to include([:out, :work_complete, [handle, "A WORKLOAD"]])
    end

    def run_the_job(name)
      worker = worker_for(shared_server, on_packet: hook)
      worker.register_function(name) { |job| job.workload.upcase }
      worker.work
      eventually { names(:out).include?(:work_complete) }
    end

    it "include lines of the admin protocol, each by itself" do
      server = fake_server { |peer| peer.expect(:text) && peer.write("f\t1\t0\t1\n.\n") }
      client_for(server, on_packet: hook).server_status.value
      expect(seen.values_at(2, -2, -1)).to eq([[:out, :text, ["status"]], [:in, :text, ["f\t1\t0\t1"]], [:in, :text, ["."]]])
    end

    it "are told whole, though they come in pieces" do
      client = client_for(echo_server(7), on_packet: hook)
      client.echo("x" * 100).value
      expect(seen.last(1)).to eq([[:in, :echo_res, ["x" * 100]]])
      large = Random.bytes(3 << 20)
      client = client_for(echo_server, on_packet: hook)
      client.echo(large).value
      told = seen.last(5).filter_map { |_, name, args| args.first if %i[echo_req echo_res].include?(name) }
      expect(told.map { |bytes| bytes == large }).to eq([true, true])
      expect(told.map(&:encoding)).to eq([Encoding::BINARY] * 2)
    end

    it "come before the blocks to which they lead" do
      order = []
      client = client_for(echo_server, on_packet: ->(_, name, _) { order << name })
      client.echo("x") { order << :block }.value
      expect(order.last(2)).to eq(%i[echo_res block])
    end

    it "are told from when it is set to when it is cleared" do
      client = client_for(echo_server)
      client.echo("before").value
      expect(client.on_packet).to be_nil
      client.on_packet(&hook)
      client.echo("while").value
      expect(client.on_packet).to be(hook)
      client.on_packet = nil
      client.echo("after").value
      expect(seen).to eq([[:out, :echo_req, ["while"]], [:in, :echo_res, ["while"]]])
      client.on_packet = hook
      client.echo("again").value
      expect(seen.size).to eq(4)
    end

    it "include the requests that waited for a connection when it was set" do
      client = client_for(echo_server)
      task = client.echo("made before")
      client.on_packet(&hook)
      task.value
      expect(names(:out)).to eq(%i[text option_req echo_req])
    end

    it "include one that was half read when it was set" do
      server = fake_server do |peer|
        peer.expect(:echo_req)
        bytes = EVGearman::Protocol.encode(:echo_res, "x" * 1000, magic: :res)
        peer.write(bytes[0, 500])
        peer.expect(:echo_req)
        peer.write(bytes[500..])
        peer.send(:echo_res, "y")
      end
      client = client_for(server)
      first = client.echo("x" * 1000)
      eventually { client.stats[:bytes_in] > 500 }
      client.on_packet(&hook)
      client.echo("y").value
      expect(first.value).to eq("x" * 1000)
      expect(seen).to eq([[:out, :echo_req, ["y"]], [:in, :echo_res, ["x" * 1000]], [:in, :echo_res, ["y"]]])
    end

    # Fails when the middle of a packet is taken for the beginning of one.
    it "begin behind one that was half written when it was set" do
      go = Queue.new
      server = fake_server do |peer|
        go.pop
        while (packet = peer.next)
          peer.send(:echo_res, packet.last)
        end
      end
      client = client_for(server, command_timeout: nil, heartbeat: nil, dialect: :gearmand) # it asks nothing by itself
      loop.run(0.05)
      large = client.echo("\0RES" * (4 << 20))
      eventually { client.stats[:bytes_out] > 1000 && client.unsent_bytes.positive? }
      client.on_packet(&hook)
      client.echo("waits behind it")
      go << :on
      large.value(30)
      client.flush
      client.echo("and this").value
      expect(seen.last(2)).to eq([[:out, :echo_req, ["and this"]], [:in, :echo_res, ["and this"]]])
      expect(names(:out)).to eq(%i[echo_req])
    end

    it "begin anew with each connection" do
      server = fake_server do |peer|
        packet = peer.next
        next peer.write("\0RES\0\0\0\x11\0\0\0\x05ab") && peer.close if peer.number.zero?

        peer.send(:echo_res, packet.last)
      end
      client = client_for(server, reconnect_delay: 0, on_packet: hook)
      expect(client.echo("lost").wait.error).to be_a(EVGearman::DisconnectedError)
      expect(client.echo("found").value).to eq("found")
      expect(names(:out)).to eq(%i[text option_req echo_req] * 2)
      expect(names(:in)).to eq(%i[text option_res] + %i[text option_res echo_res])
    end

    it "are no more than there are, when a server sends none" do
      server = fake_server { |peer| peer.next && peer.write("\0BAD\0\0\0\x11\0\0\0\0") }
      client = client_for(server, reconnect: false, on_packet: hook)
      expect(client.echo("x").wait.error).to be_a(EVGearman::DisconnectedError)
      expect(names(:in)).to eq(%i[text option_res])
      expect(errors.map(&:class)).to eq([EVGearman::ProtocolError])
    end

    it "may lead to further ones" do
      client = client_for(echo_server)
      asked = nil
      client.on_packet { |direction, name, _| asked ||= client.echo("more") if direction == :in && name == :echo_res }
      client.echo("first").value
      expect(asked.value).to eq("more")
    end

    it "are told on the thread that drives, also when another one wrote them" do
      client = client_for(echo_server)
      client.echo("open").value
      running = Thread.new { loop.run(30) }
      eventually { loop.running? }
      told = Queue.new
      client.on_packet { |direction, *| told << [direction, Thread.current] }
      client.echo("x").value
      expect(Array.new(2) { told.pop }).to eq([[:out, running], [:in, running]])
      loop.stop
      running.join
    end

    it "may be told to a block that raises" do
      raised = []
      client = client_for(echo_server, on_packet: ->(*) { raise "oops" }, on_callback_error: ->(*report) { raised << report })
      expect(client.echo("x").value).to eq("x")
      expect(raised.map { |error, where| [error.message, where] }.uniq).to eq([["oops", "on_packet"]])
    end

    it "may be told to a client that is collected, while its connection goes on" do
      server = echo_server
      Thread.new do
        20.times { EVGearman::Client.new(url: server.url, loop: loop, on_packet: ->(*) { seen << 1 }).echo("x").value }
      end.join
      5.times { GC.start && loop.run_once(0.01) }
      expect(client_for(server).echo("alive").value).to eq("alive")
    end

    it "need something that can be called" do
      expect { client_for(echo_server, on_packet: 1) }.to raise_error(ArgumentError, /on_packet needs a block/)
    end
  end

  describe "by EVGEARMAN_TRACE" do
    def trace(script, value)
      text, status = child("ENV['EVGEARMAN_TRACE'] = #{value.inspect}\n#{script}")
      expect(status).to be_success
      text
    end

    it "are printed, one line each, with their payloads cut" do
      text = trace(<<~'RUBY', "1")
        a = client(client_id: "me")
        a.echo("a\nb").value
        a.echo("x" * 1000).value
        a.on_packet { |direction, name, args| puts "hook #{name} #{args[0].bytesize}" if name == :echo_res }
        a.echo("y").value
      RUBY
      server = shared_server.url
      expect(text.lines(chomp: true)).to include(
        %(evgearman: client #{server} -> TEXT "version"),
        %(evgearman: client #{server} -> SET_CLIENT_ID "me"),
        %(evgearman: client #{server} -> ECHO_REQ "a\\nb"),
        %(evgearman: client #{server} <- ECHO_RES "a\\nb"),
        %(evgearman: client #{server} <- ECHO_RES "#{"x" * 60}"... (1000 bytes)),
        %(evgearman: client #{server} <- ECHO_RES "y"),
        "hook echo_res 1"
      )
    end

    it "are not printed without it" do
      ["", "0"].each { |value| expect(trace("puts client.echo('x').value", value)).to eq("x\n") }
    end
  end

  it "are the only place where a workload is shown" do
    secret = "a secret"
    client = client_for(fake_server { |peer| peer.next && peer.close }, reconnect: false)
    task = client.submit_job("f", secret, unique: "-").wait
    shown = [client, loop, task, task.error, errors].map(&:inspect).join + task.error.full_message
    expect(shown).not_to include(secret)
  end
end
