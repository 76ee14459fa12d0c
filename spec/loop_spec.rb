# frozen_string_literal: true

RSpec.describe EVGearman::Loop do
  describe "#run" do
    it "answers true when it was stopped" do
      loop.post { loop.stop }
      expect(loop.run(30)).to be(true)
    end

    it "answers false when the time was up" do
      expect(loop.run(0.01)).to be(false)
    end

    it "lasts until then though nothing is watched" do
      Thread.new do
        eventually { loop.running? }
        loop.stop
      end
      expect(loop.run).to be(true)
    end

    it "forgets a stop that came while nothing ran" do
      loop.stop
      expect(loop.run(0.01)).to be(false)
    end

    it "is ended from the inside first" do
      order = []
      loop.post do
        loop.post { loop.stop }
        loop.run(30)
        order << :inner
        loop.stop
      end
      loop.run(30)
      expect(order << :outer).to eq(%i[inner outer])
    end

    it "is ended for each thread that is in it" do
      threads = Array.new(3) { Thread.new { loop.run(30) } }
      eventually { threads.all?(&:stop?) && loop.running? }
      loop.stop
      expect(threads.map(&:value)).to eq([true, true, true])
    end

    it "is ended by a trap handler" do
      old = trap("USR1") { loop.stop }
      loop.after(0.01) { Process.kill("USR1", Process.pid) }
      expect(loop.run(30)).to be(true)
    ensure
      trap("USR1", old)
    end

    it "refuses a time that is none" do
      [-1, "1", Float::NAN, :soon].each { |time| expect { loop.run(time) }.to raise_error(ArgumentError) }
      expect { loop.run(1, 2) }.to raise_error(ArgumentError)
    end

    it "is left by an exception that is not a StandardError, and what was not called comes next time" do
      seen = []
      loop.post { raise NotImplementedError, "out" }
      loop.post { seen << :second }
      expect { loop.run(30) }.to raise_error(NotImplementedError, "out")
      expect(seen).to be_empty
      loop.run(0.01)
      expect(seen).to eq([:second])
    end

    it "is left by throw" do
      loop.post { throw :out, 42 }
      expect(catch(:out) { loop.run(30) }).to eq(42)
      expect(loop.run(0.01)).to be(false)
    end

    it "goes on after a StandardError, which is told" do
      loop.post { raise "oops" }
      loop.post { loop.stop }
      expect { expect(loop.run(30)).to be(true) }.to output(/\Aevgearman: post raised RuntimeError: oops .+\n\z/).to_stderr
    end
  end

  describe "#run_once" do
    it "answers whether a block was called" do
      expect(loop.run_once(0)).to be(false)
      loop.post { nil }
      expect(loop.run_once(0)).to be(true)
      expect(loop.run_once(0)).to be(false)
    end

    it "waits until something happens" do
      loop.after(0.02) { nil }
      expect(loop.run_once).to be(true)
    end

    # Fails when whatever ends a poll is taken for something that happened.
    it "takes neither a signal nor the work of other threads for that" do
      came = 0
      old = trap("USR1") { came += 1 }
      busy = Thread.new { nil until came >= 5 }
      Thread.new do
        5.times do |n|
          Process.kill(:USR1, Process.pid)
          sleep(0.001) until came > n
        end
        loop.post { came += 1 }
      end
      expect([loop.run_once, came]).to eq([true, 6])
      busy.join
    ensure
      trap("USR1", old)
    end

    it "waits for something that happens on the thread that drives, too" do
      driving = Thread.new { loop.run }
      sleep(0.001) until loop.running?
      happened = false
      loop.every(0.02) { happened = true }
      expect([loop.run_once, happened]).to eq([false, true])
      expect(loop.run_once(0)).to be(false)
      loop.stop
      driving.join
    end
  end

  describe "#post" do
    it "calls the block in the next turn and not before" do
      seen = []
      expect(loop.post { seen << 1 }).to be(loop)
      expect(seen).to be_empty
      loop.run_once(0)
      expect(seen).to eq([1])
    end

    it "keeps the order" do
      seen = []
      100.times { |n| loop.post { seen << n } }
      eventually { seen.size == 100 }
      expect(seen).to eq((0...100).to_a)
    end

    it "lets the rest of the loop live when a block posts itself again" do
      again = -> { loop.post(&again) }
      again.call
      loop.after(0.01) { loop.stop }
      expect(loop.run(30)).to be(true)
    end

    it "wakes a thread that turns the loop" do
      running = Thread.new { loop.run(30) }
      eventually { loop.running? }
      loop.post { loop.stop }
      expect(running.value).to be(true)
    end

    it "is for trap handlers too" do
      old = trap("USR1") { loop.post { loop.stop } }
      loop.after(0.01) { Process.kill("USR1", Process.pid) }
      expect(loop.run(30)).to be(true)
    ensure
      trap("USR1", old)
    end

    it "needs a block" do
      expect { loop.post }.to raise_error(ArgumentError, "post needs a block")
    end
  end

  describe "timers" do
    it "are called when their time has come, the earlier first" do
      seen = []
      loop.after(0.03) { seen << 2 }
      loop.after(0.01) { seen << 1 }
      expect(seen).to be_empty
      eventually { seen.size == 2 }
      expect(seen).to eq([1, 2])
    end

    it "may be due at once, and yet are not called inside the call" do
      seen = []
      loop.after(0) { seen << 1 }
      expect(seen).to be_empty
      eventually { seen.any? }
    end

    it "are active until they are called" do
      timer = loop.after(0) { nil }
      expect(timer).to be_active
      eventually { !timer.active? }
    end

    it "are called again and again, until they are cancelled" do
      seen = 0
      timer = loop.every(0.005) { seen += 1 }
      eventually { seen >= 3 }
      expect(timer).to be_active
      expect(timer.cancel).to be(timer)
      expect(timer).not_to be_active
      before = seen
      loop.run(0.03)
      expect(seen).to eq(before)
    end

    it "may cancel themselves" do
      seen = 0
      timer = loop.every(0.001) { (seen += 1) == 2 && timer.cancel }
      eventually { seen == 2 }
      loop.run(0.03)
      expect(seen).to eq(2)
    end

    # Fails when one is called again inside its own wait, where it waits again, and so on.
    it "are not called again while their block waits" do
      depth = most = called = 0
      loop.every(0.001) do
        most = [most, depth += 1].max
        loop.run(0.01)
        depth -= 1
        called += 1
      end
      eventually { called >= 3 }
      expect(most).to eq(1)
    end

    it "are called again when their block was left by a throw" do
      called = 0
      loop.every(0.001) { (called += 1) < 3 && throw(:out) }
      catch(:out) { loop.run_once(0.02) } until called >= 3
      expect(called).to eq(3)
    end

    it "are not called once they are cancelled, even when they are due in the same turn" do
      seen = []
      timers = []
      2.times { |n| timers << loop.after(0.01) { seen << n && timers.each(&:cancel) } }
      sleep(0.02)
      loop.run(0.02)
      expect(seen.size).to eq(1)
    end

    it "are alive while they are active, though nobody holds them" do
      seen = []
      loop.after(0.02) { seen << :fired }
      GC.start
      eventually { seen.any? }
    end

    it "wake a thread that turns the loop already" do
      running = Thread.new { loop.run(30) }
      eventually { loop.running? }
      loop.after(0.01) { loop.stop }
      expect(running.value).to be(true)
    end

    it "refuse a time that is none" do
      [-1, "1", nil, Float::NAN, Float::INFINITY].each do |time|
        expect { loop.every(time) { nil } }.to raise_error(ArgumentError)
      end
      [-1, "1", nil, Float::NAN].each { |time| expect { loop.after(time) { nil } }.to raise_error(ArgumentError) }
      expect { loop.every(0) { nil } }.to raise_error(ArgumentError)
    end

    it "need a block" do
      expect { loop.after(1) }.to raise_error(ArgumentError, "after needs a block")
      expect { loop.every(1) }.to raise_error(ArgumentError, "every needs a block")
    end
  end

  describe "#close" do
    it "is final" do
      loop.close
      expect(loop).to be_closed
      %i[run run_once start].each do |name|
        expect { loop.public_send(name) }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      end
      expect { loop.post { nil } }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect { loop.after(1) { nil } }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect { EVGearman::Client.new(loop: loop) }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
    end

    it "may be said again" do
      2.times { expect(loop.close).to be_nil }
      expect(loop.stop).to be(loop)
    end

    it "closes the clients, whose Tasks then fail" do
      client = client_for(fake_server(prologue: false, &:stall))
      task = client.echo("x")
      loop.run(0.01)
      loop.close
      expect(client.state).to eq(:closed)
      expect(task.error).to be_a(EVGearman::DisconnectedError)
      expect { client.echo("y") }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
    end

    it "closes idle clients too, whose hooks are called before it returns" do
      seen = []
      client = client_for(fake_server, on_disconnect: -> { seen << :disconnected }).connect
      eventually { client.connected? }
      loop.close
      expect(client.state).to eq(:closed)
      expect(seen).to eq([:disconnected])
    end

    it "ends the background thread" do
      loop.start.start
      expect(loop).to be_running
      called = Queue.new
      loop.post { called << Thread.current }
      thread = called.pop
      expect(thread.name).to eq("evgearman loop")
      loop.close
      expect(loop).not_to be_running
      expect(thread).not_to be_alive
    end

    it "cancels its timers" do
      timer = loop.after(60) { nil }
      loop.close
      expect(timer).not_to be_active
    end

    it "ends who runs it" do
      running = Thread.new { loop.run(30) }
      eventually { loop.running? }
      loop.close
      expect(running.value).to be(true)
    end

    it "may be said in a block of it" do
      loop.post { loop.close }
      expect(loop.run(30)).to be(true)
    end
  end

  it "knows the time" do
    expect(loop.now).to be_within(5).of(now)
  end

  it "knows what it polls with" do
    expect(%i[epoll poll select kqueue linuxaio io_uring]).to include(loop.backend)
  end

  it "knows whether it runs" do
    expect(loop).not_to be_running
    running = nil
    loop.post { running = loop.running? }
    loop.run_once(0)
    expect(running).to be(true)
    expect(loop).not_to be_running
  end

  it "shows itself" do
    expect(loop.inspect).to eq("#<EVGearman::Loop #{loop.backend}>")
    loop.close
    expect(loop.inspect).to eq("#<EVGearman::Loop closed>")
  end

  it "cannot be used before it is initialised, or initialised twice" do
    expect { described_class.allocate.run }.to raise_error(TypeError)
    expect { loop.send(:initialize) }.to raise_error(TypeError)
  end

  describe ".default" do
    it "is one" do
      expect(described_class.default).to be(described_class.default)
    end

    it "is one for threads that ask at once" do
      described_class.default.close
      allow(described_class).to receive(:new).and_wrap_original { |make| make.call.tap { sleep(0.01) } }
      loops = Array.new(8) { Thread.new { described_class.default } }.map(&:value)
      expect(loops.uniq.size).to eq(1)
    end

    it "is another after that was closed" do
      closed = described_class.default
      closed.close
      expect(described_class.default).not_to be(closed)
    end

    it "is what EVGearman.run and EVGearman.stop are about" do
      described_class.default.post { EVGearman.stop }
      expect(EVGearman.run(30)).to be(true)
    end

    it "is what a client is on unless it is told" do
      expect(keep(EVGearman::Client.new).loop).to be(described_class.default)
    end
  end
end
