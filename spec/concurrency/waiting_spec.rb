# frozen_string_literal: true

# Nobody looks again and again: a turn or an answer wakes whoever waits. Turns are counted.
RSpec.describe "Waiting" do
  def turns
    count = 0
    watcher = loop.each_turn { count += 1 }
    yield
    watcher.cancel
    count
  end

  # Answers an echo when it is told to.
  let(:permission) { Queue.new }
  let(:server) do
    fake_server do |peer|
      while (packet = peer.next)
        permission.pop
        peer.send(:echo_res, packet.last)
      end
    end
  end
  let(:client) { client_for(server, heartbeat: nil, command_timeout: nil).tap(&:connect) }

  before { eventually { client.connected? && client.unsent_bytes.zero? } }

  after do
    client.disconnect
    permission.close
  end

  def beside_a_driver
    driver = Thread.new { loop.run }
    eventually { loop.running? }
    yield driver
  ensure
    loop.stop
    driver.join
  end

  # More than the sockets take while nobody reads.
  def block(client)
    client.echo("the server waits for permission")
    client.echo("x" * (16 << 20))
  end

  describe "by flush" do
    it "lasts until the answer is there, and takes no more turns than that" do
      client.echo("x")
      taken = turns { expect(client.flush(0.3)).to be(false) }
      expect(taken).to be < 10
      permission << :now
      expect(client.flush(30)).to be(true)
    end

    it "is the same beside a thread that drives" do
      beside_a_driver do
        client.echo("x")
        flusher = Thread.new { client.flush(30) }
        taken = turns { expect(flusher.join(0.3)).to be_nil }
        expect(taken).to be < 10
        permission << :now
        expect(flusher.value).to be(true)
      end
    end

    it "is the same for fibers" do
      flushed = []
      client.echo("x")
      Thread.new do
        Fiber.set_scheduler(SmallScheduler.new)
        Fiber.schedule { flushed << client.flush(30) }
        Fiber.schedule { sleep(0.1) && permission << :now }
      end.join
      expect(flushed).to eq([true])
    end

    it "ends with the connection" do
      beside_a_driver do
        client.echo("x")
        flusher = Thread.new { client.flush(30) }
        eventually { flusher.stop? }
        client.disconnect
        expect(flusher.value).to be(true)
      end
    end

    it "may be killed, and may be what a forked child leaves behind" do
      beside_a_driver do
        client.echo("x")
        flushers = Array.new(4) { Thread.new { client.flush(30) } }
        eventually { flushers.all?(&:stop?) }
        expect(forked { [client.flush(1), client.stats[:pending]] }).to eq([true, 0])
        flushers.pop(2).each(&:kill).each(&:join)
        permission << :now
        expect(flushers.map(&:value)).to eq([true, true])
      end
    end
  end

  describe "by close" do
    it "lasts while something is owed and cannot be written, and takes no more turns than that" do
      block(client)
      eventually { client.stats[:bytes_out] > 1000 }
      loop.run(0.02)
      taken = turns { client.close(0.3) }
      expect(taken).to be < 10
      expect(client).to be_closed
    end

    # With the answer comes that all of it has arrived; else the server's kernel may take 40 ms to say so.
    it "does not wait when nothing is owed" do
      permission << :now
      client.echo("x").value
      taken = turns { client.close(30) }
      expect(taken).to be < 5
    end

    it "does not wait for an answer" do
      task = client.echo("x")
      closing = Thread.new { client.close(nil) }
      expect(closing.join(Examples::PATIENCE)).to be(closing)
      expect(task.error).to be_a(EVGearman::DisconnectedError)
    end

    # Fails when an empty queue is taken for blocks that have returned.
    it "returns when the blocks have, whichever thread calls them" do
      done = []
      beside_a_driver do
        client.echo("x") { sleep(0.08) && done << :block }
        eventually { client.unsent_bytes.zero? }
        client.close(0)
        expect(done).to eq([:block])
      end
    end

    it "does not wait for the blocks of others" do
      again = -> { loop.post(&again) unless client.closed? }
      beside_a_driver do
        again.call
        client.close(30)
        expect(client).to be_closed
      end
    end

    it "is no deadlock in a block, and in two at once" do
      other = client_for(server)
      seen = []
      beside_a_driver do
        [client, other].each { |one| loop.post { seen << one.close << one.state } }
        eventually { seen.size == 4 }
      end
      expect(seen).to eq([nil, :closed] * 2)
    end
  end

  describe "for no time" do
    # Fails when a time that is over is asked before a turn is taken: who asks like this would never be answered.
    it "takes a turn all the same" do
      task = client.echo("x")
      permission << :now
      eventually_without_the_loop { task.wait(0) }
      expect(task.value(0)).to eq("x")
      called = false
      loop.post { called = true }
      expect(loop.run(0)).to be(false)
      expect(called).to be(true)
    end

    it "is over when there is no answer" do
      task = client.echo("x")
      expect(task.wait(0)).to be_nil
      expect { task.value(0) }.to raise_error(EVGearman::TimeoutError)
      expect(client.flush(0)).to be(false)
    end

    it "is over beside a thread that drives too" do
      beside_a_driver { expect(client.echo("x").wait(0)).to be_nil }
    end
  end

  describe "by run_once" do
    # Fails when only those who wait for long see that the driver stands still.
    it "takes over from a driver that left without a word" do
      left = Enumerator.new { |yielder| loop.post { yielder << :in_a_block } && loop.run }
      driver = Thread.new { left.next && sleep }.tap { |thread| eventually_without_the_loop { thread.status == "sleep" && loop.running? } }
      called = false
      loop.post { called = true }
      eventually_without_the_loop { loop.run_once(0.02) || called }
      expect(called).to be(true)
      driver.kill.join
    end
  end

  def eventually_without_the_loop
    deadline = now + Examples::PATIENCE
    until yield
      raise "it did not happen" if now > deadline

      sleep(0.002)
    end
  end
end
