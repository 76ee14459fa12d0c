# frozen_string_literal: true

RSpec.describe "Beside a driver that polls" do
  let!(:client) { client_for(shared_server) }

  def wait(task) = task.value(Examples::PATIENCE)

  # Turns the loop until the block is done.
  def beside_a_driver
    driver = Thread.new { loop.run }
    sleep(0.001) until loop.running?
    yield
  ensure
    loop.stop
    driver.join
  end

  # Fails when anything but a turn touches libev: it aborts when a watched descriptor is closed, or when its lists are
  # changed by two threads.
  it "threads make, close, cut, cancel and collect, thousands of times" do
    beside_a_driver do
      threads = [makers, cutters, timers, enquirers].flatten
      sleep(0.05) && GC.start while threads.any?(&:alive?)
      threads.each(&:join)
    end
    expect(wait(client.echo("alive"))).to eq("alive")
  end

  def makers
    Array.new(2) do
      Thread.new do
        500.times do |n|
          other = EVGearman::Client.new(url: shared_server.url, loop: loop, on_error: ->(_) {})
          n.odd? ? wait(other.echo("x")) : other.connect
          other.close(0) if (n % 3).zero? # the rest is collected
        end
      end
    end
  end

  def cutters
    Thread.new do
      other = client_for(shared_server)
      1000.times do |n|
        task = other.echo(n.to_s)
        task.wait(0.001) if (n % 10).zero?
        other.disconnect
        raise "not done" unless task.done?
      end
    end
  end

  def timers
    Thread.new { 5000.times { |n| loop.after(n.odd? ? 0 : 60) { nil }.tap { |timer| timer.cancel unless n % 5 == 1 } } }
  end

  def enquirers
    Array.new(2) { |n| Thread.new { 2000.times { |i| wait(client.echo("#{n}/#{i}")) == "#{n}/#{i}" or raise "foreign" } } }
  end

  it "threads pause, resume and tune" do
    beside_a_driver do
      torment = Thread.new { 300.times { |n| client.pause_reading && (client.keepalive = n) && client.resume_reading } }
      500.times { |n| expect(wait(client.echo(n.to_s))).to eq(n.to_s) }
      torment.join
    end
  end

  it "a timer that is made while it polls is not late for having no deadline yet" do
    beside_a_driver do
      fired = Queue.new
      20.times { loop.after(0.001) { fired << 1 } && fired.pop }
    end
  end

  it "20,000 requests are made without a wait between them, and 8 MiB by one who does not drive" do
    beside_a_driver do
      called = 0
      last = Array.new(20_000) { |n| client.echo(n.to_s) { called += 1 } }.last
      wait(last)
      expect(called).to eq(20_000)
      large = Random.bytes(8 << 20)
      expect(wait(client.echo(large)) == large).to be(true)
    end
  end

  it "a block that posts itself and one that asks again starve nobody" do
    stop = false
    again = -> { loop.post(&again) unless stop }
    ask = -> { client.echo("again") { ask.call unless stop } }
    [again, ask].each(&:call)
    fired = false
    loop.after(0.01) { fired = true }
    eventually { fired }
    expect(wait(client.echo("x"))).to eq("x")
    stop = true
    wait(client.echo("y"))
  end

  # Fails when what blocks lead to is called in the same turn, for as long as there is any.
  {
    "sets a block for what is past" => ->(client, done, again) { done.on_complete(&again) && client },
    "disconnects under a request that it makes" => ->(client, _, again) { client.echo("x", &again) && client.disconnect }
  }.each do |what, act|
    it "a block that #{what}, again and again, starves nobody" do
      wait(done = client.echo("x"))
      called = 0
      fired_at = nil
      again = proc { (called += 1) < 200_000 && !fired_at && act.call(client, done, again) }
      loop.after(0.01) { fired_at = called }
      again.call
      eventually { fired_at }
      expect(fired_at).to be < 200_000
    end
  end

  it "a gearmand that was killed while nobody drove is replaced: the next call does not fail" do
    server = own_server
    other = client_for(server)
    expect(wait(other.echo("first"))).to eq("first")
    server.kill
    server.restart
    sleep(1.1)
    expect(wait(other.echo("second"))).to eq("second")
  end

  # No call hangs, and what fails says so.
  it "the server is killed again and again under sixteen threads" do
    server = own_server
    other = client_for(server, reconnect_max_delay: 0.1, command_timeout: 10)
    stop = false
    outcomes = Array.new(16) { |n| Thread.new { storm(other, n) { stop } } }
    6.times do
      sleep(0.15)
      server.kill
      server.restart
    end
    stop = true
    outcomes = outcomes.map { |thread| thread.join(Examples::PATIENCE) or raise "a call hangs" }.flat_map(&:value)
    fair = [:answered, EVGearman::DisconnectedError, EVGearman::ConnectError, EVGearman::CommandTimeoutError]
    expect(outcomes.uniq - fair).to eq([])
    expect(outcomes.count(:answered)).to be > 100
    other.echo("is it known that the last one was killed?").wait(Examples::PATIENCE)
    expect(wait(other.echo("after it all"))).to eq("after it all")
    expect(other.stats.values_at(:pending)).to eq([0])
  end

  def storm(client, number)
    outcomes = []
    until yield
      given = "#{number}/#{outcomes.size}"
      outcomes << begin
        wait(client.echo(given)) == given ? :answered : :foreign
      rescue EVGearman::Error => e
        e.class
      end
    end
    outcomes
  end
end
