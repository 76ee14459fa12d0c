# frozen_string_literal: true

# Whatever a server says, nobody gets what is not his, everybody gets something, and the next connection is as new.
RSpec.describe "A server that breaks the protocol" do
  # Runs the script on the first connection, after `count` requests have come; the next ones answer echoes.
  def broken_server(count = 1, &script)
    fake_server do |peer|
      if peer.number.zero?
        requests = Array.new(count) { peer.next }
        instance_exec(peer, requests, &script)
      else
        peer.answer_echoes
      end
    end
  end

  # The requests that met this, ended; the client lives on.
  def outcome(*requests, &script)
    requests = [->(client) { client.submit_job("f", "x") }] if requests.empty?
    client = client_for(broken_server(requests.size, &script), reconnect_delay: 0.001)
    tasks = requests.map { |request| request.call(client) }
    tasks.each { |task| task.wait(Examples::PATIENCE) }
    expect(client.echo("alive").value).to eq("alive")
    tasks
  end

  # Whatever else the server says, its client believes what is about its job, and ignores the rest.
  def expect_only_mine(ignored:)
    tasks = outcome do |peer, _|
      yield peer
      peer.send(:echo_res, peer.expect(:echo_req).first)
    end
    expect(tasks.map(&:result)).to eq(["mine"])
    expect(tasks.first.client.stats[:ignored_packets]).to eq(ignored)
  end

  shared_examples "a broken protocol" do |message|
    it "closes the connection: everybody is told, nobody gets a foreign answer" do
      tasks = outcome(&script)
      expect(tasks.map(&:result)).to all(be_nil)
      expect(tasks.map(&:error)).to all(be_a(EVGearman::DisconnectedError).and(have_attributes(message: /\Adisconnected/)))
      expect(errors.map { |error| [error.class, short(error)] }).to eq([[EVGearman::ProtocolError, message]])
    end
  end

  def write(bytes) = ->(peer, _) { peer.write(bytes) }

  describe "with the magic of a request" do
    let(:script) { write("\0REQ\0\0\0\x08\0\0\0\x03H:1".b) }

    it_behaves_like "a broken protocol", "invalid response magic"
  end

  describe "with a magic that is none" do
    let(:script) { write("\0XXX\0\0\0\x08\0\0\0\x03H:1".b) }

    it_behaves_like "a broken protocol", "invalid response magic"
  end

  describe "with a length that cannot be" do
    let(:script) { write("\0RES\0\0\0\x08\xFF\xFF\xFF\xFF".b) }

    it_behaves_like "a broken protocol", "response packet too large"
  end

  describe "with text that nobody asked for" do
    let(:script) { write("OK\n") }

    it_behaves_like "a broken protocol", "unexpected admin response"
  end

  describe "with ten lines of text" do
    let(:script) { write("OK\n" * 10) }

    it_behaves_like "a broken protocol", "unexpected admin response"
  end

  {
    status_res: %w[H:1 1 1 0 0], status_res_unique: %w[u 1 1 0 0 1], option_res: ["exceptions"],
    echo_res: ["what another asked for"],
    job_assign: %w[H:1 f secret], job_assign_uniq: %w[H:1 f u secret], no_job: []
  }.each do |name, args|
    describe "with #{name} for a submission" do
      let(:script) { ->(peer, _) { peer.send(name, *args) } }

      it_behaves_like "a broken protocol", "unexpected reply: #{name.upcase} to SUBMIT_JOB"
    end
  end

  # Fails when a reply that nobody waits for is passed over: let evg_session_match answer 0 where it answers
  # EVG_EUNEXPECTED.
  describe "with two JOB_CREATED for one submission" do
    let(:script) { ->(peer, _) { 2.times { peer.send(:job_created, "H:1") } } }

    it_behaves_like "a broken protocol", "unexpected reply: JOB_CREATED to nothing"
  end

  describe "with a JOB_CREATED without a handle" do
    let(:script) { ->(peer, _) { peer.send(:job_created, "") } }

    it_behaves_like "a broken protocol", "malformed packet"
  end

  describe "with a handle of 500 bytes" do
    let(:script) { ->(peer, _) { peer.send(:job_created, "H" * 500) } }

    it_behaves_like "a broken protocol", "malformed packet"
  end

  describe "with a packet that lacks arguments" do
    let(:script) { write("\0RES\0\0\0\x14\0\0\0\x03abc".b) } # STATUS_RES

    it_behaves_like "a broken protocol", "malformed packet"
  end

  describe "with an error about an option that nobody set" do
    let(:script) { ->(peer, _) { peer.send(:error, "UNKNOWN_OPTION", "x") } }

    it_behaves_like "a broken protocol", "unexpected reply: ERROR to SUBMIT_JOB"
  end

  # Fails when it ends the request that waits, whatever that is: let evg_session_accepts_p in session/pairing.c say yes.
  describe "with JOB_CREATED for an echo" do
    it "closes the connection: the echo is told" do
      tasks = outcome(*%w[a b].map { |data| ->(client) { client.echo(data) } }) { |peer, _| peer.send(:job_created, "H:1") }
      expect(tasks.map(&:error)).to all(be_a(EVGearman::DisconnectedError))
      expect(errors.map(&:message)).to match([start_with("unexpected reply: JOB_CREATED to ECHO_REQ")])
    end
  end

  # Fails when whatever comes back is an echo.
  describe "with other bytes than were sent" do
    ["", "y", "xx", "x" * 63, "x" * 64, "y#{"x" * 999}", "#{"x" * 999}y", "#{"x" * 500}y#{"x" * 499}", "x" * 1001].each do |other|
      [1, 63, 64, 1000].each do |size|
        it "closes the connection: #{other.size} bytes for #{size}" do
          sent = "x" * size
          next if other == sent

          task, = outcome(->(client) { client.echo(sent) }) { |peer, _| peer.send(:echo_res, other) }
          expect(task.error).to be_a(EVGearman::DisconnectedError)
          expect(errors.map(&:message)).to match([start_with("unexpected reply: ECHO_RES about something else to ECHO_REQ")])
        end
      end
    end

    it "takes its own, of any size" do
      client = client_for(fake_server(&:answer_echoes))
      [0, 1, 31, 32, 33, 63, 64, 65, 1000, 1_000_000].each do |size|
        data = Random.bytes(size)
        expect(client.echo(data).value).to eq(data)
      end
    end
  end

  describe "with a reply to something that was not asked" do
    it "closes the connection" do
      server = fake_server { |peer| peer.number.zero? && peer.send(:echo_res, "nobody asked") }
      client_for(server, reconnect: false).connect
      expect(eventually { errors.first }).to be_a(EVGearman::ProtocolError)
    end
  end

  # JOB_CREATED comes first at every server that is known. Fails when what is about nobody yet is kept for whoever comes.
  describe "with a result before its JOB_CREATED" do
    it "is not believed" do
      expect_only_mine(ignored: 1) do |peer|
        peer.send(:work_complete, "H:1", "early")
        peer.send(:job_created, "H:1")
        peer.send(:work_complete, "H:1", "mine")
      end
    end
  end

  describe "with news about jobs of others" do
    it "is not believed" do
      expect_only_mine(ignored: 3) do |peer|
        peer.send(:job_created, "H:1")
        peer.send(:work_data, "H:2", "foreign")
        peer.send(:work_complete, "H:2", "foreign")
        peer.send(:work_complete, "H:1", "mine")
        peer.send(:work_complete, "H:1", "again")
      end
    end
  end

  describe "with an error that is about nobody's request" do
    it "is counted, and answers nobody" do
      expect_only_mine(ignored: 1) do |peer|
        peer.send(:error, "JOB_NOT_FOUND", "Job given in work result not found")
        peer.send(:job_created, "H:1")
        peer.send(:work_complete, "H:1", "mine")
      end
    end
  end

  # Fails when it is passed over: how long it is would be believed of one who speaks another protocol. Take the check of
  # `info` out of evg_packet_decode.
  [0, 5, 43, 99, 0x7fffffff, 0x80000000, 0xffffffff].each do |type|
    describe "with a packet of the type #{type}, which does not exist" do
      let(:script) { ->(peer, _) { peer.write(["\0RES", type, 0].pack("a4NN")) && peer.send(:job_created, "H:1") } }

      it_behaves_like "a broken protocol", "unexpected reply: unknown packet type #{type}"
    end
  end

  describe "with a length it does not keep" do
    it "is given until the command_timeout, and memory only for what comes" do
      server = broken_server { |peer, _| peer.write("\0RES\0\0\0\x11\x0F\xFF\xFF\xFF".b) }
      client = client_for(server, command_timeout: 0.2, reconnect: false)
      expect(client.echo("x").wait(Examples::PATIENCE).error).to be_a(EVGearman::CommandTimeoutError)
      expect(client.stats[:read_capacity]).to be < 1024 * 1024
    end
  end

  describe "with an endless answer to \"version\"" do
    it "is cut off" do
      server = fake_server(prologue: false) do |peer|
        peer.expect(:text)
        chunk = "x" * 10_000
        peer.write(chunk) while peer.number.zero? && !@over
      end
      client_for(server, max_text: 100_000, reconnect: false).echo("x").wait(Examples::PATIENCE)
      @over = true
      expect(eventually { errors.first }).to have_attributes(class: EVGearman::ProtocolError,
                                                             message: /\Aresponse text too large/)
    end
  end

  describe "to a worker" do
    # GRABs are answered by the script on the first connection; on the second with a proper job.
    def serve(&script)
      server = fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.number.zero? ? instance_exec(peer, &script) : peer.send(:job_assign_uniq, "H:9", "f", "u", "proper")
      end
      seen = []
      worker_for(server, reconnect_delay: 0.001).register_function("f") { |job| seen << job.workload && "done" }.work
      eventually { server.commands.include?(:work_complete) }
      expect(seen).to eq(["proper"])
      server
    end

    it "that assigns a job without all its fields is left, and the worker works on" do
      serve { |peer| peer.write("\0RES\0\0\0\x1F\0\0\0\x03H:1".b) }
      expect(errors.map { |error| short(error) }).to eq(["malformed packet"])
    end

    it "that assigns a job without a handle is left, and the worker works on" do
      serve { |peer| peer.send(:job_assign_uniq, "", "f", "u", "x") }
      expect(errors.map { |error| short(error) }).to eq(["malformed packet"])
    end

    it "that assigns a job nobody asked for is left, and that job is not run" do
      serve do |peer|
        peer.send(:no_job)
        peer.expect(:pre_sleep)
        peer.send(:job_assign_uniq, "H:1", "f", "u", "unasked")
      end
      expect(errors.map(&:message)).to match([start_with("unexpected reply: ")])
    end

    it "that assigns a job for a function that is not registered gets a WORK_FAIL, counted" do
      server = fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.send(:job_assign_uniq, "H:1", "another", "u", "x")
        peer.skip_to(:work_fail)
      end
      worker = worker_for(server).register_function("f") { "never" }.work
      eventually { server.commands.include?(:work_fail) }
      expect(worker.stats[:refused_jobs]).to eq(1)
    end
  end

  it "survives rubbish of all kinds, from one seed" do
    random = Random.new(42)
    packets = EVGearman::Protocol::COMMANDS.keys
    300.times do
      server = broken_server(2) do |peer, _|
        5.times do
          name = packets.sample(random: random)
          args = Array.new(EVGearman::Protocol::COMMANDS[name][:args]) { %w[H:1 f 1 0 exceptions].sample(random: random) }
          bytes = EVGearman::Protocol.encode(name, *args, magic: :res)
          bytes.setbyte(random.rand(bytes.bytesize), random.rand(256)) if random.rand(3).zero?
          peer.write(bytes)
        end
        peer.close
      end
      client = EVGearman::Client.new(url: server.url, loop: loop, reconnect: false, on_error: proc {})
      tasks = [client.submit_job("f"), client.echo("x")]
      tasks.each { |task| expect(task.wait(Examples::PATIENCE)).to be(task) }
      expect(client.stats).to include(submitted: 2, resolved: 2, pending: 0)
      client.close(0)
      server.stop
    end
  end
end
