# frozen_string_literal: true

# What blocks may do to the connection that called them, and what calls whom after a fork.
RSpec.describe "A block" do
  let(:packets) do
    [[:job_created, "H:1"], [:work_data, "H:1", "a"], [:work_data, "H:1", "b"], [:work_status, "H:1", "1", "2"],
     [:work_complete, "H:1", "result"], [:echo_res, "echo"]]
  end
  # All in one piece: the first block is called while the rest lies in the buffer.
  let(:server) do
    fake_server do |peer|
      peer.expect(:submit_job)
      peer.expect(:echo_req)
      peer.write(packets.map { |name, *args| EVGearman::Protocol.encode(name, *args, magic: :res) }.join)
    end
  end
  let(:client) { client_for(server, reconnect: false) }
  let(:heard) { [] }

  # Asks, calls the block with the first data, and turns the loop until both requests are over.
  def at_first_data(&action)
    hear = lambda do |bytes|
      heard << bytes
      action.call if heard.size == 1
    end
    tasks = [client.submit_job("f", on_data: hear, on_status: ->(*n) { heard << n }) { |result, _| heard << result },
             client.echo("echo") { |data, _| heard << data }]
    eventually { tasks.all?(&:done?) }
    loop.run_once(0)
    tasks
  end

  # Fails when a packet is consumed after its block was called: a nested loop then reads it again. Call what is told in
  # evg_connection_emit at once, and consume behind it.
  it "may turn the loop: each packet is told once, in order" do
    at_first_data { 3.times { loop.run_once(0) } }
    expect(heard).to eq(["a", "b", %w[1 2], "result", "echo"])
  end

  # Fails like the one above.
  it "may wait for a request of its own" do
    at_first_data { client.echo("inner").wait(0.05) }
    expect(heard).to eq(["a", "b", %w[1 2], "result", "echo"])
  end

  # Fails when blocks are called before what was received is resolved: what lies there then fails with the connection.
  it "may disconnect: what had come before counts" do
    at_first_data { client.disconnect }
    expect(heard).to eq(["a", "b", %w[1 2], "result", "echo"])
  end

  # Fails when jobs outlive their connection: drop the loop over `created` from evg_client_closed in
  # session/client_session.c.
  it "may disconnect: who waits hears of an end, once" do
    server = fake_server { |peer| peer.expect(:submit_job) && packets.first(2).each { |packet| peer.send(*packet) } }
    client = client_for(server)
    client.submit_job("f", on_data: ->(bytes) { heard << bytes && client.disconnect }) { |_, error| heard << short(error) }
    client.echo("echo") { |_, error| heard << short(error) }
    eventually { heard.size == 3 }
    loop.run(0.02)
    expect(heard).to eq(%w[a disconnected disconnected])
    expect(client.stats).to include(submitted: 2, resolved: 2, pending: 0)
  end

  # Fails when what lies in the buffer outlives its connection: drop evg_buffer_clear from drop_connection in
  # session/session.c. The next one would begin within a packet.
  it "may disconnect within a packet: the next connection begins anew" do
    server = fake_server do |peer|
      data = peer.expect(:echo_req).first
      half = peer.number.zero? ? "\0RES\0\0\0\x11\0\0".b : ""
      peer.write(EVGearman::Protocol.encode(:echo_res, data, magic: :res) + half)
    end
    client = client_for(server)
    again = nil
    client.echo("first") { again = client.disconnect.echo("second") }
    expect(eventually { again }.value(Examples::PATIENCE)).to eq("second")
    expect(errors).to be_empty
  end

  # Fails when close frees what the turn is working on: free the connection while the loop is turning.
  it "may close the client, and the loop" do
    at_first_data { client.close(0) }
    expect(client).to be_closed
    other = EVGearman::Loop.new
    closed = false
    other.post { closed = true if other.close.nil? }
    other.run(1)
    expect([closed, other.closed?]).to eq([true, true])
  end

  # Fails when a StandardError leaves the loop: answer `state` from `judge` in binding/drive/gate.c at once.
  it "may raise: the next ones are called all the same" do
    client.on_callback_error { |error, where| heard << [where, error.message] }
    at_first_data { raise "oops" }
    expect(heard).to eq(["a", ["on_data", "oops"], "b", %w[1 2], "result", "echo"])
  end

  describe "and all_yours" do
    # Fails when the packet is sent, as the ancestor did: gearmand answers that it does not know it, which is nobody's
    # reply.
    it "sends nothing, and jobs are served" do
      name = function
      worker = worker_for(shared_server)
      worker.on_connect { worker.all_yours }
      worker.register_function(name, &:workload).work
      client = client_for(shared_server)
      results = nil
      expect { results = Array.new(5) { |n| client.submit_job(name, n.to_s) }.map(&:value) }.to output(/sends nothing/).to_stderr
      expect(results).to eq(%w[0 1 2 3 4])
      expect(Array.new(3) { |n| worker.echo(n.to_s) }.map(&:value)).to eq(%w[0 1 2])
      expect(worker.stats.values_at(:ignored_packets, :reconnects)).to eq([0, 0])
    end
  end

  # Fails when a child writes to, or ends, the connection it inherited: let evg_session_forked do nothing.
  it "of the parent is never called in a forked child, and the parent's connection serves the parent only" do
    finish = Queue.new
    server = fake_server do |peer|
      if peer.number.zero?
        peer.expect(:submit_job) && peer.send(:job_created, "H:1")
        finish.pop
        peer.send(:work_complete, "H:1", "for the parent")
      else
        peer.send(:echo_res, *peer.expect(:echo_req))
      end
    end
    client = client_for(server)
    called = []
    task = client.submit_job("f") { |result, _| called << result }
    eventually { task.handle }
    answer = forked do
      echoed = client.echo("child").value(10)
      client.close
      [echoed, task.error.class.name, called]
    end
    finish << true
    expect(answer).to eq(["child", "EVGearman::ForkedError", []])
    expect([task.value(Examples::PATIENCE), called]).to eq(["for the parent", ["for the parent"]])
    expect(server.peers.first.commands).not_to include(:echo_req)
  end

  describe "of an object that was never made" do
    # Fails when an object without its struct can be had: define an allocator for Job or Task.
    it "is not possible: nothing can be allocated, copied or restored" do
      [EVGearman::Job, EVGearman::Task].each do |forged|
        expect { forged.allocate }.to raise_error(TypeError)
        expect { forged.new }.to raise_error(TypeError)
      end
      [-> { EVGearman::Client.allocate.echo("x") }, -> { EVGearman::Worker.allocate.work },
       -> { EVGearman::Client.allocate.connected? }, -> { Marshal.dump(client.echo("x")) }, -> { Marshal.dump(client) }].each do |forge|
        expect(&forge).to raise_error(TypeError)
      end
      client.disconnect
    end
  end
end
