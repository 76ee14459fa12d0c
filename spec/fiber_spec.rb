# frozen_string_literal: true

RSpec.describe "Fibers under a scheduler" do
  let(:loop) { EVGearman::Loop.new }
  let!(:client) { EVGearman::Client.new(url: shared_server.url, loop: loop) } # a fiber that starts it may be dropped

  after { loop.close }

  # Runs the block on a thread of its own with a scheduler; answers when all its fibers have ended.
  def schedule(&block)
    Thread.new do
      Fiber.set_scheduler(SmallScheduler.new)
      block.call
    end.join
  end

  it "suspends the fiber that waits and no other" do
    order = []
    schedule do
      Fiber.schedule { order << client.submit_job("nobody-does-this", "a", timeout: 0.2).wait.state }
      Fiber.schedule { order << client.echo("b").value }
    end
    expect(order).to eq(["b", :failed])
  end

  it "gives each of 200 fibers its own answer" do
    answers = {}
    schedule { 200.times { |n| Fiber.schedule { answers[n] = client.echo(n.to_s).value } } }
    expect(answers).to eq((0...200).to_h { |n| [n, n.to_s] })
  end

  it "wakes threads and fibers that wait for one Task" do
    task = client.submit_job("nobody-does-this", "x", timeout: 0.3)
    seen = Queue.new
    threads = Array.new(3) { Thread.new { seen << (task.wait(10) ? :ended : :late) } }
    schedule { 3.times { Fiber.schedule { seen << (task.wait(10) ? :ended : :late) } } }
    threads.each(&:join)
    expect(Array.new(6) { seen.pop }).to all(be(:ended))
  end

  it "keeps the timeout of a wait, and the Task goes on" do
    outcome = nil
    schedule do
      Fiber.schedule do
        task = client.submit_job("nobody-does-this", "x", timeout: 0.3)
        expect { task.value(0.02) }.to raise_error(EVGearman::TimeoutError)
        outcome = task.wait.error
      end
    end
    expect(outcome).to be_a(EVGearman::JobTimeoutError)
  end

  # Fails when a waiter lies on the stack of its fiber, or its wake-up is sent to whoever has the memory now.
  it "survives fibers that were dropped while they waited" do
    Thread.new do
      scheduler = SmallScheduler.new
      Fiber.set_scheduler(scheduler)
      50.times { |n| Fiber.schedule { client.submit_job("nobody-does-this", n.to_s, timeout: 0.1).wait } }
      Thread.current.kill # nobody closes the scheduler (Ruby 3.3 does): its fibers are gone where they stand
    end.join
    GC.start
    expect(client.echo("still here").value(10)).to eq("still here")
    loop.run(0.3)
    GC.start
    expect(client.stats.values_at(:submitted, :pending)).to eq([51, 0])
  end

  # Fails when waking a fiber is not a call like any other, or a stop leaves its waiter linked.
  it "goes on when one of several waiting fibers is stopped by an exception" do
    results = []
    stop = Class.new(StandardError)
    schedule do
      task = client.submit_job("nobody-does-this", "x", timeout: 0.3)
      victim = Fiber.schedule do
        task.wait
      rescue stop
        results << :stopped
      end
      Fiber.schedule { results << task.wait.error.class }
      victim.raise(stop)
    end
    expect(results).to eq([:stopped, EVGearman::JobTimeoutError])
  end

  # Starts it, and waits until it drives.
  def background_thread
    where = Queue.new
    loop.start.post { where << Thread.current }
    where.pop
  end

  it "drives on the background thread, where blocks then run" do
    expect(background_thread.name).to eq("evgearman loop")
    where = Queue.new
    client.echo("x") { where << Thread.current }
    expect(where.pop).to be(background_thread)
  end

  # Fails when an exception out of a block ends the thread that everybody relies on.
  it "keeps the background thread when a block throws" do
    background_thread
    expect { client.echo("x") { raise Exception, "out" }; client.echo("y").wait(10) }.to output(/out/).to_stderr
    expect(client.echo("z").value(10)).to eq("z")
  end

  it "ends the background thread with the loop" do
    thread = background_thread
    loop.close
    expect(thread.join(10)).to be(thread)
  end
end
