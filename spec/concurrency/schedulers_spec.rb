# frozen_string_literal: true

# The async gem, and the least that a scheduler can be: what fibers see must not depend on which it is.
SCHEDULERS = {
  "of async" => lambda do |blocks|
    require "async"
    Sync { |reactor| blocks.map { |block| reactor.async { block.call } }.map(&:wait) }
  end,
  "of spec/support" => lambda do |blocks|
    results = []
    Fiber.set_scheduler(SmallScheduler.new)
    blocks.each_with_index { |block, n| Fiber.schedule { results[n] = block.call } }
    Fiber.set_scheduler(nil) # runs them to their ends
    results
  end
}.freeze

SCHEDULERS.each do |name, scheduler|
  RSpec.describe "Fibers under the scheduler #{name}" do
    let(:loop) { EVGearman::Loop.new }
    let!(:client) { keep(EVGearman::Client.new(url: shared_server.url, loop: loop)) }

    # Every block in a fiber of its own, on a thread of its own; answers their values.
    define_method(:fibers) { |*blocks| Thread.new { scheduler.call(blocks) }.value }

    # Answers nothing before so many jobs are there, then each.
    def answers_at(count)
      @worker = EVGearman::Worker.new(url: shared_server.url, loop: EVGearman::Loop.new, prefetch: count)
      held = []
      @worker.register_function(@function = function, async: true) do |job|
        held << job
        held.each { |one| one.complete(one.workload) } if held.size == count
      end
      @worker.work
      @turner = Thread.new { @worker.loop.run }
    end

    after do
      @worker&.loop&.stop
      @turner&.join
      @worker&.close
    end

    # Fails when one fiber's wait is everybody's: the fiftieth job never comes.
    it "have 50 calls under way at once, and go on meanwhile" do
      answers_at(50)
      ticks = 0
      callers = Array.new(50) { |n| -> { client.call(@function, n.to_s, timeout: Examples::PATIENCE) } }
      *answers, ticked = fibers(*callers, -> { 5.times { sleep(0.002) && ticks += 1 } && ticks })
      expect(answers).to eq(Array.new(50, &:to_s))
      expect(ticked).to eq(5)
    end

    it "keep the timeout of a wait; the Task goes on" do
      fibers(-> {}) # which loads it
      task = client.submit_job("nobody-does-this", "", timeout: 0.5)
      outcome, other = fibers(-> { task.value(0.01) rescue $!.message }, -> { task.wait.error.class })
      expect([outcome[/\A\w+/], other]).to eq(["timeout", EVGearman::JobTimeoutError])
    end

    it "ping, flush, map, and run a loop" do
      answers_at(4)
      results = fibers(-> { client.ping.class }, -> { client.flush(10) },
                       -> { client.map(@function, %w[a b c d], timeout: Examples::PATIENCE) }, -> { loop.run(0.01) })
      expect(results).to eq([Float, true, %w[a b c d], false])
    end

    it "share a client with threads, and each gets its own answers" do
      asking = lambda do |who|
        -> { (0...100).reject { |n| client.echo("#{who}/#{n}").value(Examples::PATIENCE) == "#{who}/#{n}" } }
      end
      threads = Array.new(4) { |n| Thread.new(&asking.call("thread #{n}")) }
      threads += Array.new(3) { |r| Thread.new { fibers(*Array.new(10) { |n| asking.call("fiber #{r} #{n}") }).flatten } }
      expect(threads.flat_map(&:value)).to eq([])
      expect(client.stats.values_at(:submitted, :pending)).to eq([3400, 0])
    end

    it "wait for one Task on several threads" do
      task = never(0.2)
      threads = Array.new(3) { Thread.new { fibers(*Array.new(3) { -> { task.wait.error.class } }) } }
      expect(threads.flat_map(&:value)).to eq([EVGearman::JobTimeoutError] * 9)
    end

    # Fails when nobody takes the seat from the thread that drives for fibers.
    it "are served beside a block that needs what they hold" do
      mutex = Mutex.new
      called = Queue.new
      answers = fibers(lambda do
        mutex.synchronize do
          client.echo("x") { mutex.synchronize { called << :block } }
          client.echo("held").value(Examples::PATIENCE)
        end
      end)
      expect([answers, called.pop]).to eq([["held"], :block])
    end

    # Fails when they count as the driver, whose block they are in: each waits for the one before it.
    it "have their calls under way at once in a block of the loop, too" do
      answers_at(5)
      answers = nil
      loop.post do
        answers = scheduler.call(Array.new(5) { |n| -> { client.call(@function, n.to_s, timeout: Examples::PATIENCE) } })
      end
      Thread.new { loop.run_once until answers }.join
      expect(answers).to eq(Array.new(5, &:to_s))
    end

    it "run a loop side by side, and one stop ends them all" do
      expect(fibers(*[-> { loop.run(Examples::PATIENCE) }] * 3, -> { loop.stop && :stopped })).to eq([true] * 3 + [:stopped])
    end

    it "are served on when the thread that drives for them is killed" do
      task = never(0.5)
      drivers = -> { Thread.list.select { |thread| thread.name == "evgearman loop" } }
      kill = -> { sleep(0.01) while drivers.call.empty?; drivers.call.each(&:kill) }
      expect(fibers(-> { task.wait(Examples::PATIENCE)&.error.class }, kill).first).to be(EVGearman::JobTimeoutError)
    end

    # Fails when a thread drives on although nobody waits.
    it "leave loops that can be collected" do
      loops = ObjectSpace::WeakMap.new
      10.times do
        fibers(lambda do
          loops[one = EVGearman::Loop.new] = true
          EVGearman::Client.new(url: shared_server.url, loop: one).echo("x").value
        end)
      end
      eventually { GC.start || loops.size < 5 }
      expect(loops.size).to be < 5
    end

    describe "at three servers, of which one dies" do
      let(:servers) { Array.new(3) { embedded } }
      let(:at_all) { { servers: servers.map(&:url), loop: loop, reconnect_delay: 0.01 } }
      let!(:client) { keep(EVGearman::Client.new(**at_all)) }
      let(:worker) { keep(EVGearman::Worker.new(**at_all, prefetch: 30)) }
      let(:doing) { function }
      let(:held) { [] }
      let(:lost) { [] }

      # Nothing is answered before so many jobs are there; then one server is no more.
      def kill_one_at(count)
        worker.register_function(doing, async: true) { |job| @killed ? job.complete(job.workload.reverse) : held << job }
        lambda do
          sleep(0.001) until held.size == count
          servers[1].kill
          @killed = true
          held.each { |job| job.complete(job.workload.reverse) }
        end
      end

      # What was written to it is not made again by itself.
      def insist
        yield
      rescue EVGearman::DisconnectedError => e
        lost << e
        retry
      end

      # Fails when one fiber's wait is everybody's.
      it "have each its own answer, and a worker in one of them does what is asked" do
        calls = Array.new(24) { |n| -> { Array.new(5) { |k| insist { client.call(doing, "#{n}/#{k}") } } } }
        calls << -> { insist { client.map(doing, %w[ab cd ef]) } }
        calls << -> { insist { EVGearman::Task.all(%w[gh ij kl].map { |word| client.submit_job(doing, word) }) } }
        left = calls.size
        answers = fibers(*calls.map { |call| -> { call.call.tap { worker.stop if (left -= 1).zero? } } },
                         kill_one_at(30), -> { worker.run(signals: false) }).first(calls.size)
        expect(answers).to eq(Array.new(24) { |n| Array.new(5) { |k| "#{n}/#{k}".reverse } } + [%w[ba dc fe], %w[hg ji lk]])
        expect(lost.map(&:server).uniq).to eq([servers[1].url])
      end
    end

    it "fail with their requests when the client is closed by another of them" do
      failed = fibers(-> { never.wait.error.class }, -> { client.ping && client.close })
      expect(failed.first).to be(EVGearman::DisconnectedError)
    end
  end
end

RSpec.describe "Fibers of a thread that was handed the seat" do
  let!(:client) { client_for(shared_server) }

  # Fails when it is handed to the thread: all of its fibers drive then, and block it.
  it "are suspended when they wait" do
    client.echo("warm").value
    first = Thread.new { loop.run(0.05) }
    order = []
    Thread.new do
      sleep(0.001) until loop.running?
      Fiber.set_scheduler(SmallScheduler.new)
      loop.after(0.1) do
        2.times { |n| Fiber.schedule { order << n && client.echo(n.to_s).value && order << :answered } }
        loop.stop
      end
      loop.run(Examples::PATIENCE)
    end.join
    first.join
    expect(order).to eq([0, 1, :answered, :answered])
  end
end

RSpec.describe "Fibers of async" do
  let(:loop) { EVGearman::Loop.new }
  let!(:client) { keep(EVGearman::Client.new(url: shared_server.url, loop: loop)) }

  before { require "async" }

  def reactor(&block) = Thread.new { Sync(&block) }.value

  it "leave a wait by with_timeout" do
    task = never
    expect(reactor { |fiber| fiber.with_timeout(0.01) { task.value } rescue $!.class }).to be(Async::TimeoutError)
    task.abandon
    expect(client.echo("on").value(Examples::PATIENCE)).to eq("on")
  end

  # Fails when the waiter of a stopped fiber stays linked, or is resumed.
  it "may be stopped while they wait, one of several for the same Task" do
    task = never
    answers = reactor do |fiber|
      stopped, other = Array.new(2) { fiber.async { task.wait(Examples::PATIENCE)&.state } }
      stopped.stop
      task.abandon
      [stopped.wait, other.wait, client.echo("on").value(Examples::PATIENCE)]
    end
    expect(answers).to eq([nil, :abandoned, "on"])
  end

  it "may be stopped all at once, with their reactor" do
    tasks = Array.new(20) { never }
    reactor do |fiber|
      tasks.each { |task| fiber.async { task.value } }
      fiber.children.each(&:stop)
    end
    GC.start
    tasks.each(&:abandon)
    expect(client.echo("on").value(Examples::PATIENCE)).to eq("on")
  end

  it "are waited for by nobody who is in a block: those run elsewhere" do
    where = reactor { client.echo("x") { @thread = Thread.current }.value && @thread }
    expect(where.name).to eq("evgearman loop")
  end
end
