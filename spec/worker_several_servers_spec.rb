# frozen_string_literal: true

RSpec.describe EVGearman::Worker, "at several servers" do
  let(:name) { function }
  let(:servers) { Array.new(2) { own_server } }
  let(:clients) { servers.map { |server| client_for(server) } }
  let(:seen) { [] }

  def worker_at(*servers, **options)
    defaults = { reconnect_delay: 0.01, poll_interval: 0.05 }
    keep(EVGearman::Worker.new(servers: servers.map(&:url), loop: loop, **hooks, **defaults, **options))
  end

  def work(*servers, **options)
    worker_at(*servers, **options).register_function(name) { |job| seen << job.workload && job.workload.upcase }.work
  end

  def queue(client, *workloads) = workloads.each { |workload| client.submit_job_bg(name, workload).value }

  # What is queued and not running, at each.
  def left(name) = servers.map { |server| server.status(name).then { |queued, running| queued - running } }

  it "does the jobs of each of them, asked in turn: none waits for another's" do
    queue(clients[0], *Array.new(20) { |n| "a#{n}" })
    queue(clients[1], *Array.new(5) { |n| "b#{n}" })
    worker = worker_at(*servers).can_do(name).connect
    eventually { servers.all? { |server| server.status(name).last == 1 } }
    worker.register_function(name) { |job| seen << job.workload && nil }.work
    eventually { seen.size == 25 }
    expect(seen.first(10).map { |workload| workload[0] }.tally).to eq("a" => 5, "b" => 5)
  end

  it "holds no second job behind the one that runs, at whichever server" do
    gate = Thread::Queue.new
    clients.each { |client| queue(client, "x", "y") }
    worker = worker_at(*servers)
    worker.register_function(name, async: true) { |job| gate << job }.work
    4.times do |n|
      eventually { gate.size == 1 }
      settle(worker, *clients)
      expect([worker.busy_count, left(name).sum]).to eq([1, 3 - n])
      gate.pop.complete("")
    end
    eventually { worker.idle? }
  end

  it "has one set of slots for all of them, with concurrency and prefetch, too" do
    held = []
    clients.each { |client| queue(client, *%w[1 2 3 4 5 6]) }
    worker = worker_at(*servers, concurrency: 2, prefetch: 3).register_function(name, async: true) { |job| held << job }
    worker.work
    eventually { worker.busy_count == 5 }
    settle(worker, *clients)
    expect([worker.busy_count, left(name).sum]).to eq([5, 7])
    worker.disconnect
  end

  it "takes no single job at one while it works at another" do
    worker = work(*servers)
    worker.at(servers[0].url).disconnect
    expect { worker.work_one }.to raise_error(EVGearman::ConcurrencyError)
    expect(worker.at(servers[0].url).state).to eq(:idle)
  end

  it "sleeps when none has a job, tells so once, and is woken by either" do
    idle = 0
    worker = worker_at(*servers, poll_interval: nil).register_function(name, &:workload)
    worker.work { idle += 1 }
    eventually { idle == 1 }
    clients.reverse_each { |client| expect(client.call(name, "hello")).to eq("hello") }
    eventually { idle == 3 }
    settle(worker, *clients)
    expect(idle).to eq(3)
  end

  it "goes on while one is away, and is there again when that is" do
    work(*servers)
    clients.each { |client| expect(client.call(name, "x")).to eq("X") }
    servers[0].kill
    5.times { |n| expect(clients[1].call(name, "y#{n}")).to eq("Y#{n}") }
    servers[0].restart
    expect(client_for(servers[0]).call(name, "back")).to eq("BACK")
  end

  # Fails when a slot is still counted that a connection took with it.
  it "does not lose the slot of a job whose server is lost" do
    gate = Thread::Queue.new
    queue(clients[0], "lost")
    worker = worker_at(*servers).register_function(name, async: true) { |job| gate << job }.work
    eventually { gate.size == 1 }
    servers[0].kill
    job = gate.pop
    eventually { job.lost? }
    expect { job.complete("") }.not_to raise_error
    queue(clients[1], "next")
    eventually { gate.size == 1 }
    job = gate.pop
    expect([job.workload, job.complete("") && worker.busy_count]).to eq(["next", 0])
  end

  it "tells which server a job came from" do
    worker_at(*servers).register_function(name) { |job| job.server }.work
    expect(clients.map { |client| client.call(name) }).to eq(servers.map(&:url))
  end

  it "announces, takes back and resets abilities at all of them" do
    worker = worker_at(*servers).can_do("#{name}-2")
    worker.register_function(name) { "done" }.work
    workers = -> { servers.map { |server| server.status(name).last } }
    eventually { workers.call == [1, 1] }
    worker.cant_do(name).flush
    eventually { workers.call == [0, 0] }
    worker.reset_abilities.flush
    eventually { servers.all? { |server| server.status("#{name}-2").last.zero? } }
  end

  it "does one job of whichever has one, when it is asked for one" do
    clients.each { |client| queue(client, "x") }
    worker = worker_at(*servers).register_function(name) { |job| seen << job.workload && nil }
    worker.work_one
    eventually { !worker.working? && worker.idle? }
    settle(worker, *clients)
    expect([seen, left(name).sum]).to eq([%w[x], 1])
    worker.work_one
    eventually { seen.size == 2 }
  end

  it "raises for a second job by hand while it works" do
    worker = work(*servers)
    expect { worker.grab_job }.to raise_error(EVGearman::ConcurrencyError)
    expect { worker.work_one }.to raise_error(EVGearman::ConcurrencyError)
  end

  describe "#grab_job" do
    let(:worker) { worker_at(*servers).can_do(name) }

    def grab = worker.grab_job.value.tap { |job| job.complete("") && worker.flush }.workload

    it "asks one after the other, and begins behind the one that was asked last" do
      queue(clients[0], "a1", "a2", "a3")
      queue(clients[1], "b1")
      expect(Array.new(4) { grab }).to eq(%w[a1 b1 a2 a3])
    end

    it "fails when none has a job" do
      expect { worker.grab_job.value }.to raise_error(EVGearman::NoJobError)
    end

    it "passes by who is away" do
      servers[0].kill
      worker.echo("is it there?").value
      queue(clients[1], "b")
      eventually { worker.stats[:reconnects].positive? || worker.at(servers[0].url).state == :waiting }
      expect(grab).to eq("b")
    end
  end

  describe "#run" do
    it "ends when it was told to, with what all have in hand" do
      worker = worker_at(*servers, loop: EVGearman::Loop.new)
      worker.register_function(name) { |job| seen << job.workload && job.workload }
      running = Thread.new { worker.run(signals: false) }
      clients.each { |client| 3.times { |n| client.call(name, n.to_s) } }
      worker.stop
      expect(running.value).to eq(finished: 6, handed_back: [])
    end

    it "raises when it can have none of them any more, and not before" do
      servers[0].kill
      worker = worker_at(*servers, loop: EVGearman::Loop.new, reconnect: false).register_function(name, &:workload)
      running = Thread.new { worker.run(signals: false) }.tap { |thread| thread.report_on_exception = false }
      expect(clients[1].call(name, "x")).to eq("x")
      servers[1].kill
      expect { running.value }.to raise_error(EVGearman::Error)
    end
  end

  it "works in a forked child, at all of them" do
    urls = servers.map(&:url)
    worker_at(*servers).register_function(name) { |job| job.workload.reverse }.work
    clients.each { |client| client.call(name, "abc") }
    pid = fork do
      worker = EVGearman::Worker.new(servers: urls, loop: EVGearman::Loop.new)
      worker.register_function("#{name}-child") { |job| "child #{job.workload}" }
      worker.run
      exit!(0)
    end
    expect(clients.map { |client| client.call("#{name}-child", "x") }).to eq(["child x", "child x"])
  ensure
    Process.kill(:TERM, pid)
    Process.wait(pid)
  end
end
