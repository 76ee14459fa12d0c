# frozen_string_literal: true

RSpec.describe "Threads that share a loop" do
  let!(:client) { client_for(shared_server) }

  def threads(count, &block) = Array.new(count) { |n| Thread.new(n, &block) }

  # A thread that waits, and is known to do so.
  def follower(&block)
    Thread.new(&block).tap { |thread| sleep(0.001) until thread.status != "run" }
  end

  after { expect(loop).not_to be_running }

  it "gives each of 16 threads its own answers, 2,000 times" do
    wrong = threads(16) do |n|
      (0...2000).reject { |i| client.echo("#{n}/#{i}").value == "#{n}/#{i}" }
    end
    expect(wrong.flat_map(&:value)).to eq([])
    expect(client.stats.values_at(:submitted, :resolved)).to eq([32_000, 32_000])
  end

  it "gives each of 16 threads the results of its own 2,000 calls" do
    name = function
    worker = client_for_worker(name)
    turner = Thread.new { worker.loop.run }
    wrong = threads(16) { |n| (0...2000).reject { |i| client.call(name, "#{n}/#{i}", timeout: 60) == "#{n}/#{i}" } }
    expect(wrong.flat_map(&:value)).to eq([])
    worker.loop.stop
    turner.join
    worker.close
  end

  def client_for_worker(name)
    EVGearman::Worker.new(url: shared_server.url, loop: EVGearman::Loop.new, prefetch: 16).tap do |worker|
      worker.register_function(name, &:workload)
      worker.work
    end
  end

  it "hands the seat to a follower when the driver's time is up" do
    slow = never
    answers = threads(8) { |n| slow.wait(0.01 * n) || client.echo(n.to_s).value }
    expect(answers.map(&:value)).to eq(%w[0 1 2 3 4 5 6 7])
    slow.abandon
  end

  it "lets a Task go on whose value was not waited for long enough" do
    task = client.echo("x")
    driving, goal = driver
    expect { never.value(0.001) }.to raise_error(EVGearman::TimeoutError, /\Atimeout/)
    goal.abandon
    driving.join
    expect(task.value).to eq("x")
  end

  # Fails when a waiter that is promoted while it leaves keeps the seat (release_if_heir in follow or in seat_wait).
  %i[kill raise timeout].each do |how|
    it "passes the seat on when those who should get it leave by #{how}" do
      100.times do
        driving, goal = driver
        victims = Array.new(4) { leaver(how) }
        last = follower { client.echo("last").value(Examples::PATIENCE) }
        goal.abandon
        victims.each { |victim| victim.public_send(how) if how != :timeout && victim.alive? }
        expect(last.value).to eq("last")
        (victims << driving).each { |thread| thread.join rescue nil }
      end
    end
  end

  def leaver(how)
    follower do
      Thread.current.report_on_exception = false
      never(2).wait(how == :timeout ? rand * 0.002 : Examples::PATIENCE)
    end
  end

  # Fails when a driver inside Ruby code keeps the seat.
  it "takes the seat from a driver whose block lasts, which then touches nothing" do
    answered = false
    driving = Thread.new do
      client.echo("slow") { sleep(0.01) until answered }.value
      client.echo("after").value
    end
    sleep(0.05)
    expect(client.echo("other").value(Examples::PATIENCE)).to eq("other")
    8.times { |n| expect(client.echo(n.to_s).value(Examples::PATIENCE)).to eq(n.to_s) }
    answered = true
    expect(driving.value).to eq("after")
  end

  it "calls blocks of others while one sleeps for 0.6 s" do
    order = Queue.new
    driving = Thread.new { client.echo("slow") { sleep(0.6) && order << :slow }.value }
    sleep(0.05)
    tasks = Array.new(50) { |n| client.echo(n.to_s) { order << n } }
    tasks.each { |task| task.value(Examples::PATIENCE) }
    driving.join
    expect(Array.new(51) { order.pop }).to contain_exactly(*0...50, :slow)
  end

  it "survives a block that needs a Mutex which a waiter holds" do
    mutex = Mutex.new
    driving, goal = driver
    waiting = follower { mutex.synchronize { client.echo("waited for").value(Examples::PATIENCE) } }
    client.echo("blocks") { mutex.synchronize { nil } }.value(Examples::PATIENCE)
    expect(waiting.value).to eq("waited for")
    goal.abandon
    driving.join
  end

  # Fails when a Task waits for its own block although that has lost the seat.
  it "survives a block that needs a Mutex held by one who waits for that very Task" do
    mutex = Mutex.new
    driving, goal = driver
    called = Queue.new
    answer = mutex.synchronize { client.echo("x") { mutex.synchronize { called << :block } }.value(Examples::PATIENCE) }
    expect([answer, called.pop]).to eq(["x", :block])
    goal.abandon
    driving.join
  end

  # Fails when only the seat knows that a handler runs: whoever took it starts the next, and so does the handler itself
  # when it then waits.
  it "starts no job beside a handler that lost the seat, nor while that waits" do
    running = most = finished = may_end = 0
    worker = worker_for(shared_server, prefetch: 4)
    worker.register_function(name = function) do
      most = [most, running += 1].max
      sleep(0.001) until may_end > finished || most > 1
      client.echo("nested").value(Examples::PATIENCE)
      finished += 1
      running -= 1
      nil
    end
    worker.work
    tasks = Array.new(3) { client.submit_job(name) }
    driving = Thread.new { tasks.each { |task| task.wait(Examples::PATIENCE) } }
    3.times do |n|
      sleep(0.001) until finished >= n && running.positive? || most > 1
      20.times { client.echo("of who took the seat").value(Examples::PATIENCE) }
      may_end += 1
    end
    driving.join
    expect([most, finished]).to eq([1, 3])
  end

  # A thread that calls the block in a block of the loop, and goes on when that has lost the seat.
  def block_without_seat
    begun = taken = false
    client.echo("x") do
      begun = true
      sleep(0.001) until taken
      yield
    end.then { |task| @driving = Thread.new { task.value(Examples::PATIENCE) } }
    sleep(0.001) until begun
    taken = client.echo("takes it").value(Examples::PATIENCE)
    @driving.join
  end

  # Fails when a block that lost the seat counts as one no more: its driver gets the seat for what it waits for.
  it "starts no job in a wait of a block that lost the seat and got it back" do
    inside = nil
    began_inside = []
    worker = worker_for(shared_server)
    worker.register_function(name = function) { began_inside << inside && nil }
    worker.work.echo("ready").value
    block_without_seat do
      inside = true
      client.enqueue(name, "")
      200.times { client.echo("nested").value }
      inside = false
    end
    eventually { began_inside.size == 1 }
    expect(began_inside).to eq([false])
  end

  # Fails like that one: it waits for a block that is called only when it has returned.
  it "lets a block that lost the seat and got it back wait as deep as blocks are called" do
    depth = deepest = ended = 0
    nest = proc do
      deepest = [deepest, depth += 1].max
      client.echo("y").value(Examples::PATIENCE)
      depth -= 1
      ended += 1
    end
    block_without_seat { 200.times { client.echo("x", &nest) } && nest.call }
    eventually { ended == 201 }
    expect(deepest).to eq(64)
  end

  # Fails when a block that waits in a nested drive is taken for one that stands still: two threads enter libev.
  it "does not take the seat from a block that waits" do
    driving = Thread.new { client.echo("x") { client.submit_job("nobody-does-this", "", timeout: 0.6).wait }.value }
    waiting = Array.new(4) { follower { client.submit_job("nobody-does-this", "", timeout: 0.7).wait } }
    while driving.alive?
      other = client_for(shared_server).connect
      sleep(0.002)
      other.disconnect
    end
    expect((waiting << driving).map { |thread| thread.join(Examples::PATIENCE) }).to all(be_a(Thread))
  end

  # Fails when a waiter that was promoted and does not come stays the first in the list.
  it "takes the seat from an heir that does not come" do
    output, = child(<<~RUBY)
      shared = client
      done = false
      trap("USR1") { sleep(0.005) until done }
      driver = Thread.new { shared.submit_job("nobody-does-this", "", timeout: 0.4).wait }
      eventually { LOOP.running? }
      other = Thread.new do
        asleep(Thread.main)
        waiting = Thread.new { shared.submit_job("nobody-does-this", "", timeout: 0.6).wait }
        asleep(waiting)
        Process.kill(:USR1, $$)
        waiting.join
        done = true
      end
      shared.submit_job("nobody-does-this", "", timeout: 0.5).wait
      other.join
      puts "done", driver.join.status.inspect
    RUBY
    expect(output).to eq("done\nfalse\n")
  end

  describe "and an Enumerator that leaves run in a block" do
    def left_behind
      enumerator = Enumerator.new { |y| client.echo("x") { y << :left }.then { loop.run } }
      expect(enumerator.next).to eq(:left)
    end

    it "serves its thread" do
      left_behind
      expect(client.echo("mine").value(Examples::PATIENCE)).to eq("mine")
      expect(Thread.new { client.echo("theirs").value(Examples::PATIENCE) }.value).to eq("theirs")
    end

    it "serves other threads when its own is gone" do
      Thread.new { left_behind }.join
      GC.start
      expect(client.echo("theirs").value(Examples::PATIENCE)).to eq("theirs")
    end
  end

  it "wakes everybody who waits for one Task" do
    task = client.submit_job("nobody-does-this", "", timeout: 0.2)
    waiting = Array.new(20) { follower { task.wait(Examples::PATIENCE)&.error.class } }
    expect(waiting.map(&:value)).to all(be(EVGearman::JobTimeoutError))
  end

  it "lets nobody wait for a loop that is closed" do
    waiting = Array.new(5) { follower { never.wait } }
    running = follower { loop.run }
    loop.close
    expect(waiting.map { |thread| thread.value.error }).to all(be_a(EVGearman::DisconnectedError))
    expect(running.value).to be(true)
  end

  it "calls the blocks of close before it returns, although another thread is in a block" do
    other = client_for(shared_server)
    busy = follower { client.echo("x") { sleep(0.3) }.value }
    failed = nil
    other.submit_job("nobody-does-this", "") { |_, error| failed = error }
    other.close
    expect(failed).to be_a(EVGearman::DisconnectedError)
    busy.join
  end
end
