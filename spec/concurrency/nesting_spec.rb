# frozen_string_literal: true

RSpec.describe "Blocks that do things" do
  let!(:client) { client_for(shared_server) }

  def wait(task) = task.value(Examples::PATIENCE)

  describe "in a nested loop" do
    it "call, two deep" do
      order = []
      wait(client.echo("1") do
        order << wait(client.echo("2") { order << wait(client.echo("3")) })
      end)
      expect(order).to eq(%w[3 2])
    end

    it "call, fifty deep" do
      deepest = 0
      nest = lambda do |depth|
        deepest = [deepest, depth].max
        wait(client.echo(depth.to_s) { nest.call(depth + 1) }) if depth < 50
      end
      nest.call(1)
      expect(deepest).to eq(50)
    end

    # Fails when nothing bounds it: with some hundreds the stack ends, and then none of them comes to its end.
    it "wait inside each other, but not until the stack ends" do
      depth = deepest = ended = 0
      500.times do
        client.echo("x") do
          deepest = [deepest, depth += 1].max
          wait(client.echo("y"))
          depth -= 1
          ended += 1
        end
      end
      eventually { ended == 500 }
      expect(deepest).to eq(64)
    end

    # Fails when what makes a value waits among the blocks that are not called there.
    it "get a value that is made in Ruby at any depth" do
      answers = []
      100.times { client.echo("x") { client.echo("y").value && answers << client.server_pid.value(Examples::PATIENCE) } }
      eventually { answers.size == 100 }
      expect(answers).to all(be_an(Integer))
    end

    it "run, and stop ends the innermost run only" do
      order = []
      client.echo("x") do
        loop.post { loop.stop }
        order << loop.run(Examples::PATIENCE) << :inner
        loop.post { loop.stop }
      end
      order << loop.run(Examples::PATIENCE) << :outer
      expect(order).to eq([true, :inner, true, :outer])
    end

    it "let blocks that were queued come before they go on" do
      order = []
      5.times { |n| client.echo(n.to_s) { order << n && loop.run(0.01) } }
      client.echo("last") { order << :last }
      eventually { order.size == 6 }
      expect(order).to eq([0, 1, 2, 3, 4, :last])
    end

    it "start no job while a handler waits" do
      running = most = finished = 0
      worker = worker_for(shared_server, prefetch: 4)
      worker.register_function(name = function) do
        most = [most, running += 1].max
        wait(client.echo("x"))
        finished += 1
        running -= 1
        nil
      end
      worker.work
      tasks = Array.new(6) { client.submit_job(name) }
      tasks.each { |task| wait(task) }
      expect([most, finished]).to eq([1, 6])
    end
  end

  # Fails with one flag for all runs: the second of them does not hear of it.
  it "stop ends a run of each thread, in that who drives and in those who follow" do
    20.times do
      running = Array.new(3) { Thread.new { loop.run(Examples::PATIENCE) } }
      running.each { |thread| sleep(0.001) until thread.status == "sleep" }
      loop.stop
      expect(running.map(&:value)).to eq([true, true, true])
    end
  end

  it "stop while nothing runs is forgotten" do
    loop.stop
    expect(loop.run(0.01)).to be(false)
  end

  it "free, disconnect, close and collect what is in hand" do
    others = Array.new(20) { client_for(shared_server) }
    others.each { |other| wait(other.echo("connected")) }
    left = others.dup
    called = 0
    others.each do |other|
      other.echo("x") do
        called += 1
        left.shift.public_send(%i[disconnect close].sample)
        GC.start if (called % 5).zero?
      end
    end
    eventually { called == 20 }
    expect(others.sum { |other| other.stats[:pending] }).to eq(0)
  end

  # What leaves a block, and how to see that it arrived.
  jumps = {
    "throw" => [-> { throw(:out, :thrown) }, ->(wait) { catch(:out) { wait.call } == :thrown }],
    "an Exception" => [-> { raise NotImplementedError, "out" }, NotImplementedError],
    "exit" => [-> { exit(3) }, SystemExit],
    "Interrupt" => [-> { raise Interrupt, "out" }, Interrupt],
    "NoMemoryError" => [-> { raise NoMemoryError, "out" }, NoMemoryError],
    "Thread#kill" => [-> { Thread.current.kill }, :killed]
  }

  def arrived?(expected, &wait)
    return expected.call(wait) if expected.respond_to?(:call)
    return killed?(&wait) if expected == :killed

    begin
      wait.call
    rescue Exception => e # rubocop:disable Lint/RescueException -- that is what it is about
      return e.is_a?(expected) && $! == e && e.cause.nil?
    end
    false
  end

  def killed?(&wait)
    thread = Thread.new { wait.call && raise("it went on") }
    thread.join(Examples::PATIENCE) && thread.status == false
  end

  jumps.each do |name, (jump, expected)|
    describe "and leave by #{name}" do
      it "arrive at who drives; the rest is called in the next turn" do
        order = []
        10.times { |n| client.echo(n.to_s) { order << n && n == 3 && jump.call } }
        expect(arrived?(expected) { eventually { order.size == 10 } }).to be(true)
        expect(order).to eq([0, 1, 2, 3])
        expect($!).to be_nil
        eventually { order.size == 10 }
        expect(order).to eq([*0...10])
      end

      it "arrive through two depths; nothing is lost" do
        order = []
        inner = ->(n) { client.echo("inner") { order << n << :jump && jump.call } }
        10.times { |n| client.echo(n.to_s) { order << n && n == 3 && wait(inner.call(n)) && order << :never } }
        expect(arrived?(expected) { eventually { order.size == 20 } }).to be(true)
        eventually { order.size == 12 }
        expect(order - [:jump]).to match_array([*0...10, 3])
        expect(client.stats[:pending]).to eq(0)
        expect(loop).not_to be_running
      end

      next if expected == :killed # that cannot be rescued

      it "are rescued inside the outer block; the turn goes on" do
        order = []
        client.echo("outer") { order << arrived?(expected) { wait(client.echo("inner") { jump.call }) } }
        client.echo("next") { order << :next }
        eventually { order.size == 2 }
        expect(order).to match_array([true, :next])
      end
    end
  end

  it "raise StandardErrors, two deep, and nothing stops" do
    seen = []
    other = client_for(shared_server, on_callback_error: ->(error, where) { seen << [error.message, where] })
    wait(other.echo("x") { wait(other.echo("y") { raise "inner" }) && raise("outer") })
    expect(seen).to eq([%w[inner block], %w[outer block]])
  end

  # Fails when the hook is called outside the gate.
  it "survive a hook for errors that raises, and one that throws" do
    hook = ->(error, _) { error.message == "throw" ? throw(:out, 1) : raise }
    other = client_for(shared_server, on_callback_error: hook)
    wait(other.echo("x") { raise "raise" })
    expect(catch(:out) { wait(other.echo("y") { raise "throw" }) }).to eq(1)
    expect(wait(other.echo("z"))).to eq("z")
  end
end
