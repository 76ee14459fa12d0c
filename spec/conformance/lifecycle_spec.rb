# frozen_string_literal: true

RSpec.describe "The life of a connection" do
  let(:name) { function }

  def answer_echoes(peer)
    while (packet = peer.next)
      peer.send(:echo_res, packet.last) if packet.first == :echo_req
    end
  end

  describe "on a real server" do
    let(:server) { shared_server }

    it "is told when it begins, once, and when it ends" do
      told = []
      client = client_for(server)
      client.on_connect { told << [:connect, client.connected?] }
      client.on_disconnect { told << [:disconnect, client.connected?] }
      client.connect.echo("x").value
      client.disconnect
      eventually { told.size == 2 }
      loop.run(0.02)
      expect([told, errors]).to eq([[[:connect, true], [:disconnect, false]], []])
    end

    it "may begin again: abilities are told again, and work is, when it is asked for" do
      connects = 0
      worker = worker_for(server, client_id: "again-#{name}", on_connect: -> { connects += 1 })
      worker.register_function(name, &:workload).work
      client = client_for(server)
      expect(client.call(name, "before")).to eq("before")
      worker.disconnect
      eventually { server.status(name) == [0, 0, 0] } # the server has noticed
      task = client.submit_job(name, "behind")
      eventually { task.handle }
      worker.connect.echo("x").value
      expect([connects, task.done?, server.status(name)]).to eq([2, false, [1, 0, 1]])
      worker.work
      expect(task.value(Examples::PATIENCE)).to eq("behind")
    end

    it "may be long, or short: 50 times, and no descriptor is left" do
      descriptors = -> { Dir.children("/proc/self/fd").size }
      skip "needs Linux" unless File.directory?("/proc/self/fd")
      client_for(server).echo("x").value
      before = descriptors.call
      50.times do |n|
        client = EVGearman::Client.new(url: server.url, loop: loop)
        client.connect
        client.echo("x").value if n.odd?
        client.disconnect if (n % 3).zero?
        client.close(0)
      end
      loop.run(0.02)
      expect(descriptors.call).to be <= before
    end

    it "ends well with everything pending: jobs, questions of both kinds, abilities" do
      held = []
      worker = worker_for(server, prefetch: 4)
      worker.register_function(name, async: true) { |job| held << job }.work
      client = client_for(server)
      outcomes = []
      20.times { |n| client.submit_job(name, n.to_s) { |_, error| outcomes << error.class } }
      eventually { held.size == 5 }
      settle(client)
      worker.register_function(function) { nil }.reset_abilities
      30.times { |n| n.odd? ? client.echo("x") { outcomes << :echo } : client.server_status { outcomes << :admin } }
      client.close(0)
      worker.close(0)
      expect(outcomes.first(20)).to eq([EVGearman::DisconnectedError] * 20)
      expect(outcomes.drop(20).sort).to eq(([:admin] * 15) + ([:echo] * 15))
      expect(held.map { |job| job.complete("late") }).to eq([false] * 5)
    end

    # The ancestor failed them all with "disconnected".
    it "goes on when its client is dropped with jobs under way: 20 jobs, 20 blocks, 20 results" do
      held = []
      worker_for(server, concurrency: nil).register_function(name, async: true) { |job| held << job }.work
      told = []
      Thread.new do
        client = EVGearman::Client.new(url: server.url, loop: loop)
        20.times { |n| client.submit_job(name, n.to_s) { |*outcome| told << outcome } }
      end.join
      eventually { GC.start || held.size == 20 }
      held.each { |job| job.complete(job.workload) }
      eventually { told.size == 20 }
      expect(told.sort_by { |result, _| result.to_i }).to eq(Array.new(20) { |n| [n.to_s, nil] })
    end

    # The ancestor answered text, which is still to be had.
    it "lists who is there: functions, client ids, and what it is" do
      worker = worker_for(server, client_id: "listed-#{name}").register_function(name) { nil }
      worker.connect.echo("x").value
      client = client_for(server)
      expect(client.server_version.value).to match(/\A\d/)
      expect(client.admin("version").value).to start_with("OK ")
      expect(client.server_status.value[name].to_a).to eq([name, 0, 0, 1])
      expect(client.server_workers.value["listed-#{name}"].functions).to eq([name])
      expect([client.server_status, client.server_workers].map { |task| task.value.text }).to all(include(name))
    end
  end

  it "counts a request from the moment it is made, and ends it once" do
    client = client_for(fake_server)
    told = []
    client.echo("x") { |value, error| told << [value, error.class, short(error)] }
    expect(client.waiting_count + client.pending_count).to eq(1)
    eventually { client.pending_count == 1 }
    client.disconnect
    loop.run(0.02)
    expect(told).to eq([[nil, EVGearman::DisconnectedError, "disconnected"]])
  end

  it "may end in on_connect" do
    server = fake_server { |peer| answer_echoes(peer) }
    %i[disconnect close].each do |way|
      client = client_for(server)
      client.on_connect { client.public_send(way) }
      expect(client.echo("x").wait(Examples::PATIENCE).error).to be_a(EVGearman::DisconnectedError)
      expect(client).not_to be_connected
    end
  end

  it "may end in the block of a request: 50 echoes, 50 blocks" do
    client = client_for(fake_server { |peer| answer_echoes(peer) })
    outcomes = []
    50.times { |n| client.echo(n.to_s) { |value, error| (outcomes << (value || error.message)) && n.zero? && client.disconnect } }
    eventually { outcomes.size == 50 }
    loop.run(0.02)
    expect([outcomes.first, outcomes.size]).to eq(["0", 50])
  end

  it "may end in the block of a text command, which has its answer by then" do
    client = client_for(fake_server { |peer| peer.expect(:text) && peer.write("row\t1\t0\t1\n.\nOK more\n") })
    told = []
    client.server_status { |status, error| told << [status.map(&:name), error] && client.disconnect }
    later = client.echo("later") { |_, error| told << error.class }
    expect(later.wait(Examples::PATIENCE).error).to be_a(EVGearman::DisconnectedError)
    eventually { told.size == 2 }
    expect(told.first).to eq([["row"], nil])
  end

  it "keeps what was asked while it was being made, in order" do
    server = fake_server { |peer| answer_echoes(peer) }
    client = client_for(server).connect
    expect(client).to be_connecting
    seen = []
    tasks = Array.new(5) { |n| client.echo(n.to_s) { |value| seen << value } }
    EVGearman::Task.all(tasks, Examples::PATIENCE)
    expect(seen).to eq(%w[0 1 2 3 4])
  end

  it "has a buffer of 16 KiB from the first byte on" do
    client = client_for(fake_server { |peer| answer_echoes(peer) })
    expect(client.stats.values_at(:read_capacity, :write_capacity)).to eq([0, 0])
    client.echo("x").value
    expect(client.stats.values_at(:read_capacity, :write_capacity)).to eq([16 * 1024] * 2)
  end
end
