# frozen_string_literal: true

RSpec.describe "A loop that nobody drives" do
  # Fails when a request is written before its socket was looked at: it then fails with the connection that was dead.
  it "finds a dead connection before a byte of the next request is written" do
    server = own_server
    client = client_for(server, reconnect_delay: 0.01)
    client.echo("before").value(30)
    server.kill
    server.start
    sleep 1.1 # the time after which a loop counts as undriven
    expect(client.echo("after").value(30)).to eq("after")
    expect(client.stats[:reconnects]).to be >= 1
  end

  # Fails when deadlines are judged before the sockets are read: the answer has been there all the while.
  it "reads the answers that lie in its socket before it judges their deadlines" do
    client = client_for(shared_server, command_timeout: 0.3)
    client.ping
    task = client.echo("long ago")
    loop.run_once(0)
    sleep 0.5
    expect(task.value(30)).to eq("long ago")
  end

  # Fails when all waits for a turn: the server has nothing to do meanwhile.
  describe "writes once 16 KiB wait" do
    let(:server) { fake_server(&:stall) }
    let(:client) { client_for(server).tap { |it| it.connect && eventually { it.connected? && it.unsent_bytes.zero? } } }

    it "though no turn comes" do
      most = Array.new(1000) { client.echo("x" * 100) && client.unsent_bytes }.max
      expect(most).to be_between((16 << 10) - 112, 16 << 10)
    end

    it "and goes on with what was asked in one go" do
      client.submit_jobs_bg(Array.new(1000) { ["f", "x" * 100] })
      expect([client.unsent_bytes < 16 << 10, client.stats[:bytes_out] > 100_000]).to all(be(true))
    end
  end

  it "does the same after a block that took too long" do
    client = client_for(shared_server, command_timeout: 0.3)
    client.ping
    late = nil
    client.echo("slow block") { sleep 0.5 }
    client.echo("behind it").on_finish { |value, error| late = [value, error] }
    eventually { late }
    expect(late).to eq(["behind it", nil])
  end
end

RSpec.describe "A loop whose driver polls" do
  # Fails when anything but a turn calls libev: Debian's libev then aborts the process at a watcher it cannot find.
  it "takes clients, closes, timers and posts of other threads by the thousand" do
    server = shared_server
    driver = Thread.new { loop.run }
    eventually { loop.running? }
    answers = Queue.new
    storm = Array.new(4) do |n|
      Thread.new do
        250.times do |i|
          client = EVGearman::Client.new(url: server.url, loop: loop)
          case i % 4
          when 0 then answers << client.echo("#{n}-#{i}").value(30)
          when 1 then client.echo("dropped").abandon
          when 2 then client.connect.disconnect
          when 3 then loop.after(0.001) { answers << "timer" } and loop.after(30) {}.cancel
          end
          client.close(0) unless i % 4 == 1
        end
      end
    end
    storm.each { |thread| expect(thread.join(60)).to be(thread) }
    eventually { answers.size >= 4 * (63 + 62) }
    loop.stop
    expect(driver.join(30)&.value).to be(true)
    GC.start
    expect(client_for(server).echo("still").value(30)).to eq("still")
  end

  # Fails when every wait gives up the GVL: beside a busy thread each then costs up to 100 ms.
  it "answers beside a thread that computes" do
    client = client_for(shared_server)
    client.ping
    busy = Thread.new { Kernel.loop { 1 + 1 } }
    done = 0
    deadline = now + 3
    client.echo(done.to_s).value(30) && done += 1 while now < deadline
    expect(done).to be > 200 # without patience it is about thirty
  ensure
    busy&.kill
  end
end
