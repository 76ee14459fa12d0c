# frozen_string_literal: true

require "objspace"

RSpec.describe "The garbage collector" do
  let!(:client) { client_for(shared_server) }

  def wait(task) = task.value(Examples::PATIENCE)

  # One of each: blocks, nested calls, errors, a timer, a post, a disconnect.
  def mixed(client)
    seen = []
    tasks = Array.new(3) { |n| client.echo(n.to_s) { |value| seen << value } }
    wait(client.echo("outer") { seen << wait(client.echo("inner")) })
    tasks.each { |task| wait(task) }
    loop.after(0) { seen << "timer" }
    loop.post { seen << "post" }
    eventually { seen.size == 6 }
    client.echo("lost") { |_, error| seen << error.class.name }
    client.disconnect
    eventually { seen.size == 7 }
    seen
  end

  # Fails when only a turn gives them back: who calls once in a while keeps what a large answer needed.
  it "gives large buffers back on a loop that nobody turns any more" do
    idle = client_for(shared_server, loop: EVGearman::Loop.new)
    wait(idle.echo("x" * (4 << 20)))
    capacity = -> { idle.stats.values_at(:read_capacity, :write_capacity).sum }
    expect(capacity.()).to be > 8 << 20
    eventually { GC.start.nil? && capacity.().zero? }
    expect(wait(idle.echo("again"))).to eq("again")
  end

  everything = ["0", "1", "2", "inner", "timer", "post", "EVGearman::DisconnectedError"]

  # One of nearly everything, in a process that is small enough for that, at a server of which there is little to tell.
  { "come at every allocation of everything" => %w[stress 1], "move everything between any two steps" => %w[move 3] }
    .each do |what, how|
      it "may #{what}" do
        expect(script("spec/proofs/everything.rb", own_server.url, *how).first).to eq("ok\n")
      end
    end

  # Fails when an object to which C has a pointer does not pin itself.
  it "may move everything" do
    clients = Array.new(50) { client_for(shared_server) }
    handler = worker_for(shared_server).register_function(name = function) { |job| job.workload.upcase }
    tasks = clients.map { |other| other.echo("before") }
    move
    expect(clients.map { |other| wait(other.echo("x")) }).to all(eq("x"))
    expect(clients.map { |other| other.echo("x").client.equal?(other) }).to all(be(true))
    expect(tasks.map { |task| wait(task) }).to all(eq("before"))
    handler.work
    expect(client.call(name, "job", timeout: 30)).to eq("JOB")
    expect(mixed(client)).to match_array(everything)
  end

  it "may move everything while threads wait" do
    wrong = Array.new(4) do |n|
      Thread.new { (0...20).reject { |i| wait(client.echo("#{n}/#{i}")) == "#{n}/#{i}" } }
    end
    GC.compact while wrong.any?(&:alive?)
    expect(wrong.flat_map(&:value)).to eq([])
  end

  # Fails when a hook is queued for a client that is dead and not yet swept: it may be swept in the queue. (A few of them
  # may be alive after all, for whoever looks at a stack for pointers.)
  it "may have found clients dead whose connections end before they are swept" do
    accepted = Queue.new
    server = fake_server do |peer|
      accepted << peer
      peer.read_on
    end
    told = 0
    10.times do
      ObjectSpace.each_object(EVGearman::Client) { nil } # sweeps to the end
      Thread.new { connect_and_drop(server, accepted) { told += 1 } }.join
      accepted.size.times { accepted.pop.close }
      begin_to_sweep
      4.times { loop.run_once(0.01) }
    end
    expect(told).to be < 20
    expect(wait(client.echo("alive"))).to eq("alive")
  end

  def connect_and_drop(server, accepted, &told)
    dropped = Array.new(40) do
      EVGearman::Client.new(url: server.url, loop: loop, reconnect: false, on_error: ->(_) { told.call },
                            on_disconnect: told).connect
    end
    eventually { dropped.all?(&:connected?) && accepted.size == dropped.size }
    loop.run(0.05)
  end

  # A heap full of holes takes long to sweep.
  def begin_to_sweep
    @heap = Array.new(300_000) { Object.new }.each_slice(2).map(&:first)
    GC.start(immediate_sweep: false)
  end

  it "collects clients, loops and Tasks in any order, also with work pending" do
    50.times do
      own = EVGearman::Loop.new
      kept = Array.new(3) { EVGearman::Client.new(url: shared_server.url, loop: own) }
      things = kept.flat_map { |other| [other, other.echo("x"), other.echo("y") { nil }] } << own << own.after(60) { nil }
      own.run(0.001) if rand < 0.5
      things.shuffle.drop(rand(things.size))
      GC.start if rand < 0.3
    end
    GC.start
    expect(wait(client.echo("alive"))).to eq("alive")
  end

  it "leaves a client alone that nobody refers to until its requests are resolved" do
    seen = []
    url = shared_server.url
    Thread.new { 10.times { |n| EVGearman::Client.new(url: url, loop: loop).echo(n.to_s) { |v| seen << v } } }.join
    eventually do
      GC.start
      seen.size == 10
    end
    expect(seen).to match_array(%w[0 1 2 3 4 5 6 7 8 9])
  end

  it "collects idle clients, and closes their sockets" do
    Thread.new { 20.times { wait(EVGearman::Client.new(url: shared_server.url, loop: loop).echo("x")) } }.join
    Thread.new { Array.new(100) { "no pointers on this stack" } }.join
    eventually do
      GC.start
      loop.run_once(0)
      ObjectSpace.each_object(EVGearman::Client).count { |other| other.loop == loop } < 10
    end
  end

  it "is told how much is held" do
    before = ObjectSpace.memsize_of(client)
    5000.times { client.echo("x" * 100) }
    expect(ObjectSpace.memsize_of(client)).to be > before + 500_000
    expect(ObjectSpace.memsize_of(loop)).to be > 200
    expect(ObjectSpace.memsize_of(client.echo("x"))).to be > 100
    client.flush(Examples::PATIENCE)
  end

  it "sweeps everything when a process ends with everything pending" do
    output, status = child(<<~RUBY)
      shared = client
      threads = Array.new(3) { Thread.new { never(shared).value } } + [Thread.new { LOOP.run }]
      threads.each { |thread| asleep(thread) }
      other = EVGearman::Client.new(url: URL, loop: EVGearman::Loop.new)
      100.times { |n| other.echo(n.to_s) { abort("called at the end") } }
      worker = EVGearman::Worker.new(url: URL, loop: other.loop)
      worker.register_function("nobody-asks") { nil }
      worker.work
      other.loop.run_once(0)
      other.loop.every(1) { nil }
      $kept = [shared, other, worker, threads]
      at_exit { puts "at exit" }
    RUBY
    expect([output, status.exitstatus]).to eq(["at exit\n", 0])
  end
end
