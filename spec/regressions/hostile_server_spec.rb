# frozen_string_literal: true

# A server that says what it must not: nobody believes it, everybody is told, nothing hangs.
RSpec.describe "A server that answers with the wrong packet" do
  # One of each kind that a server may send.
  said = {
    noop: [], job_created: ["H:1"], no_job: [], job_assign: %w[H:1 f secret], job_assign_uniq: %w[H:1 f u secret],
    job_assign_all: %w[H:1 f u r secret], echo_res: ["foreign"], error: ["SOMETHING", "else"],
    status_res: %w[H:9 1 1 1 2], status_res_unique: %w[key-9 1 1 1 2 3], option_res: ["another"],
    work_data: %w[H:1 foreign], work_warning: %w[H:1 foreign], work_status: %w[H:1 1 2],
    work_complete: %w[H:1 foreign], work_fail: ["H:1"], work_exception: %w[H:1 foreign]
  }

  # How each is asked, and which of these packets may answer it.
  asked = {
    submit_job: [->(client) { client.submit_job("f", "x") }, %i[job_created error]],
    submit_job_bg: [->(client) { client.submit_job_bg("f", "x") }, %i[job_created error]],
    submit_job_epoch: [->(client) { client.submit_job_epoch("f", "x", 1) }, %i[job_created error]],
    echo_req: [->(client) { client.echo("mine") }, %i[echo_res error]],
    get_status: [->(client) { client.get_status("H:1") }, %i[error]],
    get_status_unique: [->(client) { client.get_status_unique("key-1") }, %i[error]],
    option_req: [->(client) { client.option("mine") }, %i[error]],
    text: [->(client) { client.admin("status") }, []]
  }

  # Answers "version" and nothing more of what a connection begins with.
  def terse_server
    fake_server(prologue: false) do |peer|
      peer.expect(:text) && peer.write("OK 1.1.20\n")
      yield peer
    end
  end

  # Nobody's answers: they are passed over, and do not end a request either.
  passing = said.keys.grep(/\Awork_|noop/)

  asked.each do |name, (ask, answers)|
    (said.keys - answers - passing).each do |reply|
      # Fails when what comes is given to who waits: let evg_session_accepts_p in session/pairing.c say yes.
      it "closes the connection at #{reply} for #{name}: who asked is told so, and gets nothing of it" do
        server = terse_server { |peer| peer.expect(name) && peer.send(reply, *said[reply]) }
        client = client_for(server, exceptions: false, reconnect: false)
        task = ask.call(client).wait(Examples::PATIENCE)
        expect(task).to have_attributes(result: nil, error: be_a(EVGearman::DisconnectedError))
        expect(errors.map { |error| [error.class, error.message] }).to match([[EVGearman::ProtocolError, start_with("unexpected reply: ")]])
      end
    end
  end

  # Fails when a status is not compared with what was asked: remove about_p in session/pairing.c.
  it "gives nobody the status of another job, key or option" do
    { status_res: ["get_status", "H:1"], status_res_unique: %w[get_status_unique key-1],
      option_res: %w[option mine] }.each do |reply, (method, key)|
      server = terse_server { |peer| peer.next && peer.send(reply, *said[reply]) }
      client = client_for(server, exceptions: false, reconnect: false)
      expect(client.public_send(method, key).wait(Examples::PATIENCE).error).to be_a(EVGearman::DisconnectedError)
    end
  end

  passing.each do |reply|
    # Fails when an event is taken for an answer: let evg_session_match treat it like a reply.
    it "passes over #{reply} that is about nobody, and the answers behind it stay in line" do
      server = fake_server do |peer|
        2.times { peer.expect(:echo_req) }
        peer.send(reply, *said[reply])
        peer.send(:echo_res, "first")
        peer.send(reply, *said[reply])
        peer.send(:echo_res, "second")
      end
      client = client_for(server)
      expect(%w[first second].map { |data| client.echo(data) }.map(&:value)).to eq(%w[first second])
      expect(errors).to be_empty
    end
  end

  # Fails when the first who waits gets every ERROR: remove the line of JOB_NOT_FOUND in session/pairing.c.
  it "does not fail a request because of an ERROR about a job of a worker" do
    server = fake_server do |peer|
      peer.expect(:submit_job)
      peer.expect(:echo_req)
      peer.send(:error, "JOB_NOT_FOUND", "Job given in work result not found")
      peer.send(:job_created, "H:1")
      peer.send(:error, "JOB_NOT_FOUND", "Job given in work result not found")
      peer.send(:echo_res, "echo")
      peer.send(:work_complete, "H:1", "result")
    end
    client = client_for(server)
    tasks = [client.submit_job("f"), client.echo("echo")]
    expect(tasks.map(&:value)).to eq(%w[result echo])
    expect(client.stats[:ignored_packets]).to eq(2)
  end

  # Fails when an ERROR that has nothing to do with a request ends it: give every code to the head in match_error.
  { "QUEUE_ERROR" => :echo, "UNKNOWN_OPTION" => :echo }.each do |code, method|
    it "closes at #{code} when nobody waits who could be meant" do
      server = fake_server { |peer| peer.next && peer.send(:error, code, "text") }
      client = client_for(server, reconnect: false)
      expect(client.public_send(method, "x").wait(Examples::PATIENCE).error).to be_a(EVGearman::DisconnectedError)
      expect(errors.map(&:class)).to eq([EVGearman::ProtocolError])
    end
  end

  # Fails when a packet is read past its end: drop the check of argc in evg_packet_decode.
  it "does not make up arguments that a packet lacks" do
    (said.keys - %i[noop no_job echo_res option_res]).each do |name|
      number = EVGearman::Protocol::COMMANDS[name][:number]
      next if EVGearman::Protocol::COMMANDS[name][:args] < 2

      server = fake_server { |peer| peer.next && peer.write(["\0RES", number, 1, "x"].pack("a4NNa1")) }
      client = client_for(server, reconnect: false)
      expect(client.submit_job("f").wait(Examples::PATIENCE).error).to be_a(EVGearman::DisconnectedError)
      expect(errors.map { |error| short(error) }.uniq).to eq(["malformed packet"])
    end
  end

  # Fails when numbers are believed unseen: remove numbers_p in session/inbox.c.
  it "does not make a status of what are no numbers" do
    [%w[H:1 yes 1 1 2], %w[H:1 1 1 -1 2], ["H:1", "1", "1", "1", "99999999999999999999999"]].each do |args|
      server = fake_server { |peer| peer.expect(:get_status) && peer.send(:status_res, *args) }
      client = client_for(server, reconnect: false)
      expect(client.get_status("H:1").wait(Examples::PATIENCE).error).to be_a(EVGearman::DisconnectedError)
    end
  end

  # Fails when the length of a header is believed: remove the check against max_packet in evg_packet_decode.
  it "reads no more than the header of a packet that is too long, whoever asked what" do
    asked.each_value do |ask, _|
      server = terse_server { |peer| peer.next && peer.write("\0RES\0\0\0\x08\xFF\xFF\xFF\xFF".b) }
      task = ask.call(client_for(server, exceptions: false, reconnect: false)).wait(Examples::PATIENCE)
      expect(task.error).to be_a(EVGearman::DisconnectedError)
      expect(short(eventually { errors.last })).to eq("response packet too large")
    end
  end

  # Fails when text is read as packets, or packets as text: let take_one in session/inbox.c look only for one.
  it "is not understood when it speaks text to who asked a packet, and the reverse" do
    text = fake_server { |peer| peer.expect(:echo_req) && peer.write("OK\n" * 10) }
    packet = fake_server { |peer| peer.expect(:text) && peer.send(:echo_res, "status\n.\n") }
    tasks = [client_for(text, reconnect: false).echo("x"), client_for(packet, reconnect: false).admin("status")]
    expect(tasks.map { |task| task.wait(Examples::PATIENCE).error.class }).to eq([EVGearman::DisconnectedError] * 2)
    eventually { errors.size == 2 }
    expect(errors.map(&:message)).to contain_exactly(start_with("unexpected admin response"), start_with("unexpected reply: "))
  end

  describe "to a worker" do
    # What a GRAB was answered with; the next connection gets a proper job.
    def answer_grab(reply, *args)
      server = fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.number.zero? ? peer.send(reply, *args) : peer.send(:job_assign_uniq, "H:9", "f", "u", "proper")
      end
      seen = []
      worker_for(server, reconnect_delay: 0.001).register_function("f") { |job| seen << job.workload && "done" }.work
      eventually { server.commands.include?(:work_complete) }
      seen
    end

    %i[job_created echo_res status_res status_res_unique option_res].each do |reply|
      # Fails when a worker goes quiet at what it cannot use: return 0 for it from evg_session_match.
      it "is left at #{reply} for a GRAB, and the worker works on a new connection" do
        expect(answer_grab(reply, *said[reply])).to eq(["proper"])
        expect(errors.map(&:message)).to match([start_with("unexpected reply: ")])
      end
    end

    # Fails when a job without its fields stops the loop of GRABs.
    it "is left when it assigns half a job, and the worker works on a new connection" do
      [["", "f", "u", "x"], ["H:1", "", "u", "x"], ["H" * 64, "f", "u", "x"]].each do |args|
        expect(answer_grab(:job_assign_uniq, *args)).to eq(["proper"])
      end
    end
  end
end
