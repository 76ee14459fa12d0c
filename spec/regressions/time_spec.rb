# frozen_string_literal: true

# Deadlines: whose they are, and what moves them.
RSpec.describe "The time of" do
  def work(server) = server.received.select { |command, _| command.start_with?("work_") }

  # Takes a job; what it says of it is up to the block.
  def server_with_a_job
    fake_server do |peer|
      peer.expect(:submit_job)
      peer.send(:job_created, "H:1")
      yield peer
    end
  end

  # A packet of 100 bytes, so many at a time.
  def dribble(peer, name, size, pause)
    packet = EVGearman::Protocol.encode(name, "H:1", "r" * 100, magic: :res)
    packet.scan(/.{1,#{size}}/mn) { |piece| sleep(pause) && peer.write(piece) }
  end

  # Fails when each request, or each byte, sets one clock for all, as in the ancestor: set reply_at in evg_session_written.
  it "a request is its own: what others ask does not move it" do
    server = fake_server(prologue: false)
    client = client_for(server, command_timeout: 0.2, reconnect: false)
    asking = loop.every(0.02) { client.submit_job("f") }
    expect(client.echo("first").wait(Examples::PATIENCE).error).to be_a(EVGearman::CommandTimeoutError)
    asking.cancel
    expect(client.stats[:submitted]).to be >= 5
    client.disconnect
  end

  # Fails when the time of a command goes on after its first reply, and what arrives does not put it off.
  it "a command ends with its first reply: a result may dribble in for as long as it likes" do
    server = server_with_a_job { |peer| dribble(peer, :work_complete, 10, 0.04) }
    client = client_for(server, command_timeout: 0.1, heartbeat: 0.2)
    expect(client.submit_job("f").value(Examples::PATIENCE)).to eq("r" * 100)
    expect(errors).to be_empty
  end

  # Fails when bytes do not count as life: keep read_at as it is in evg_wire_commit.
  it "silence is over with each byte, also within a packet" do
    server = server_with_a_job { |peer| dribble(peer, :work_data, 8, 0.05) && peer.send(:work_complete, "H:1", "") }
    client = client_for(server, heartbeat: 0.5)
    client.submit_job("f").value(Examples::PATIENCE)
    expect(server.commands).not_to include(:echo_req)
  end

  # Fails when a request that is late is written, and then judged: leave evg_session_expire_waiting out of the output.
  it "a request that lay there unsent is over before it is written, and nobody else pays for it" do
    server = fake_server(&:answer_echoes)
    client = client_for(server, command_timeout: 0.5)
    client.echo("first").value
    late = client.echo("late")
    sleep(0.7) # nobody drives
    expect(client.echo("in time").value(Examples::PATIENCE)).to eq("in time")
    expect(late.error).to have_attributes(class: EVGearman::CommandTimeoutError, delivery: :not_sent)
    expect([server.received.count([:echo_req, "late"]), errors]).to eq([0, []])
  end

  # Fails when the first request of a batch has to be answered in its time, however steadily the others are: let clock_of
  # forget reply_at.
  it "a batch is over when nothing is answered any more, not when all of it takes longer" do
    server = fake_server do |peer|
      20.times do
        _, *, workload = peer.skip_to(:submit_job_bg)
        sleep(0.08)
        peer.send(:job_created, "H:#{workload}")
      end
    end
    client = client_for(server, command_timeout: 1)
    expect(client.submit_jobs_bg(Array.new(20) { |n| ["f", n.to_s] }).value).to eq(Array.new(20) { |n| "H:#{n}" })
    expect(errors).to be_empty
  end

  # Fails when a job has no deadline of its own: forget finish_by in evg_client_submit.
  it "a job is what its timeout says, from the call to its end, whatever comes meanwhile" do
    server = server_with_a_job { |peer| 20.times { sleep(0.02) && peer.send(:work_data, "H:1", "alive") } }
    client = client_for(server)
    heard = 0
    task = client.submit_job("f", timeout: 0.2, on_data: ->(_) { heard += 1 })
    expect(task.wait(Examples::PATIENCE).error).to have_attributes(class: EVGearman::JobTimeoutError, delivery: :running)
    expect([heard.positive?, client.stats[:reconnects], errors]).to eq([true, 0, []])
  end

  # Fails when a worker judges a deadline by when it was assigned: start it in evg_worker_accept.
  it "a handler begins with it, not while the job waits for another" do
    server = fake_server do |peer|
      3.times { |n| peer.skip_to(:grab_job_uniq) && peer.send(:job_assign_uniq, "H:#{n}", "f", "", "x") }
    end
    worker_for(server, prefetch: 2).register_function("f", timeout: 5) { sleep(0.02) && "in time" }.work
    eventually { work(server).size == 3 }
    expect(work(server).map(&:first)).to eq([:work_complete] * 3)
  end

  # Fails when time is read from a clock that people set: let evg_monotonic ask CLOCK_REALTIME.
  it "deadlines, timers and silence is not that of the clock, which may be set" do
    server = fake_server(&:answer_echoes)
    text = counting_child(<<~RUBY, url: server.url)
      made = client(command_timeout: 60, heartbeat: 60)
      ticks = 0
      LOOP.every(0.01) { ticks += 1 }
      [0, 86_400, -86_400].each do |ahead|
        task = made.echo("x")
        count(:clock_ahead, ahead)
        before = ticks
        LOOP.run(0.3)
        puts [task.value(10), (5..60).cover?(ticks - before)].join(" ")
      end
      puts [made.stats[:reconnects], now.to_i == Time.now.to_i].join(" ")
    RUBY
    expect(text.lines.map(&:chomp)).to eq((["x true"] * 3) + ["0 false"])
    expect(server.commands.count(:echo_req)).to eq(3)
  end

  # Fails when deadlines are judged before the sockets were read: swap ready and due in evg_loop_dispatch.
  it "an answer that lies in the socket is not over, however long nobody looked" do
    server = fake_server(&:answer_echoes)
    client = client_for(server, command_timeout: 0.1, heartbeat: 0.1)
    client.echo("x").value
    tasks = Array.new(20) { |n| client.echo(n.to_s) }
    loop.run_once(0)
    sleep(0.4) # nobody drives
    expect(tasks.map { |task| task.value(Examples::PATIENCE) }).to eq((0...20).map(&:to_s))
    expect(errors).to be_empty
  end
end
