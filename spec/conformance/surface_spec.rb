# frozen_string_literal: true

require "socket"

# What there is, and what it is like before anything happens.
RSpec.describe "The public surface" do
  let(:nobody) { { url: "127.0.0.1:1", loop: loop, on_error: proc {} } }
  let(:client) { keep(EVGearman::Client.new(**nobody)) }
  let(:worker) { keep(EVGearman::Worker.new(**nobody)) }

  {
    "a life" => %i[connect connect_unix disconnect close connected? connecting? closed? state],
    "options of the server" => %i[option set_client_id client_id exceptions],
    "questions" => %i[echo ping flush],
    "hooks" => %i[on_error on_connect on_disconnect on_drain on_callback_error on_error= on_connect= on_disconnect=],
    "counters" => %i[pending_count waiting_count active_count unsent_bytes stats],
    "tunables" => %i[connect_timeout command_timeout heartbeat keepalive io_priority max_unsent reconnect reconnect?
                     connect_timeout= command_timeout= heartbeat= keepalive= io_priority= max_unsent=],
    "an address" => %i[host port path server loop dialect]
  }.each do |what, methods|
    it "gives clients and workers #{what}" do
      expect(client).to respond_to(*methods)
      expect(worker).to respond_to(*methods)
    end
  end

  it "gives clients submissions of each priority, foreground and background, and delayed" do
    expect(client).to respond_to(:submit_job, :submit_job_high, :submit_job_low, :submit_job_bg, :submit_job_high_bg,
                                 :submit_job_low_bg, :submit_job_epoch, :call, :enqueue, :map)
  end

  it "gives clients status and administration" do
    expect(client).to respond_to(:get_status, :get_status_unique, :admin, :server_status, :server_workers, :server_version,
                                 :priority_status, :jobs, :unique_jobs, :server_pid, :server_verbosity, :maxqueue,
                                 :cancel_job, :create_function, :drop_function, :shutdown_server)
  end

  it "gives workers abilities, and ways to work" do
    expect(worker).to respond_to(:register_function, :register, :unregister_function, :can_do, :cant_do, :reset_abilities,
                                 :all_yours, :work, :work_one, :work_stop, :grab_job, :run, :stop, :functions)
  end

  it "gives jobs what they are, and ways to answer" do
    expect(EVGearman::Job.public_instance_methods)
      .to include(:handle, :function, :unique, :workload, :data, :complete, :fail, :exception, :send_data, :warning, :status)
  end

  it "is not for Ractors: they are told so" do
    text, = child(<<~RUBY, url: "127.0.0.1:1")
      Warning[:experimental] = false
      ractor = Ractor.new { EVGearman::Client.new }
      begin
        ractor.respond_to?(:value) ? ractor.value : ractor.take
      rescue Ractor::RemoteError => e
        puts e.cause.class
      end
    RUBY
    text = text.lines.last if Requirements.sanitized? # which may have a word about stacks first
    expect(text).to match(/\ARactor::\w+Error\n\z/)
  end

  it "counts nothing at first" do
    [client, worker].each do |made|
      expect([made.pending_count, made.waiting_count, made.active_count, made.unsent_bytes]).to eq([0, 0, 0, 0])
    end
  end

  # The ancestor took a negative time for none.
  it "refuses negative times, where 0 and nil turn them off" do
    %i[connect_timeout command_timeout].each do |name|
      expect { client.public_send(:"#{name}=", -1) }.to raise_error(ArgumentError)
      [0, nil].each do |none|
        client.public_send(:"#{name}=", 5)
        expect { client.public_send(:"#{name}=", none) }.to change(client, name).from(5).to(nil)
      end
    end
  end

  # The ancestor raised "not connected" for a command on what was never connected.
  it "connects by itself at the first request" do
    server = fake_server { |peer| peer.send(:echo_res, *peer.expect(:echo_req)) }
    lazy = client_for(server)
    expect(lazy.state).to eq(:idle)
    expect(lazy.echo("x").value).to eq("x")
  end

  # The ancestor said so of a connection that was only under way.
  it "is connected when the connection is established, and connecting before that" do
    seen = []
    made = client_for(fake_server)
    made.on_connect { seen << [made.connected?, made.connecting?] }
    expect([made.connected?, made.connecting?]).to eq([false, false])
    made.connect
    expect([made.connected?, made.connecting?]).to eq([false, true])
    eventually { seen.any? }
    expect(seen).to eq([[true, false]])
    made.disconnect
    expect([made.connected?, made.connecting?]).to eq([false, false])
  end

  # The ancestor told on_error.
  it "raises for the path of a unix socket that is too long" do
    expect { EVGearman::Client.new(path: "/#{"x" * 200}") }.to raise_error(ArgumentError)
    expect { client.connect_unix("/#{"x" * 200}") }.to raise_error(ArgumentError)
  end

  # The ancestor wanted a block.
  it "answers a Task from grab_job, with or without a block" do
    expect(worker.grab_job).to be_a(EVGearman::Task)
    worker.disconnect
  end

  # The ancestor wanted a size.
  it "resets the size of a queue without one" do
    server = fake_server { |peer| peer.expect(:text) == ["maxqueue f"] && peer.write("OK\n") }
    expect(client_for(server).maxqueue("f").value).to be(true)
  end

  it "asks a server to end, gracefully or not, in its words" do
    server = fake_server { |peer| 2.times { peer.expect(:text) && peer.write("OK\n") } }
    asker = client_for(server)
    [true, false].each { |graceful| expect(asker.shutdown_server(graceful: graceful).value).to be(true) }
    expect(server.received.filter_map { |name, line| line if name == :text }.drop(1)).to eq(["shutdown graceful", "shutdown"])
  end

  describe "keepalive" do
    it "is as the option says, on clients and workers" do
      expect([client_for(fake_server, keepalive: 60).keepalive, worker_for(fake_server, keepalive: 120).keepalive]).to eq([60, 120])
    end

    it "reaches the kernel, for each server, also when it is changed or cleared while connected" do
      servers = [fake_server, fake_server]
      known = -> { servers.flat_map { |server| keepalives(server.port) } }
      made = keep(EVGearman::Client.new(servers: servers.map(&:url), loop: loop, keepalive: 7))
      made.connect
      eventually { known.call.size == 2 && servers.all? { |server| made.at(server.url).connected? } }
      expect(known.call).to eq([[true, 7]] * 2)
      made.keepalive = 11
      expect(known.call).to eq([[true, 11]] * 2)
      made.keepalive = 0
      expect([made.keepalive, *known.call.map(&:first)]).to eq([nil, false, false])
    end

    it "leaves a job alone that says nothing for longer" do
      name = function
      worker_for(shared_server, keepalive: 1).register_function(name, async: true) do |job|
        loop.after(1.2) { job.complete("at last") }
      end.work
      expect(client_for(shared_server, keepalive: 1).call(name)).to eq("at last")
    end
  end
end
