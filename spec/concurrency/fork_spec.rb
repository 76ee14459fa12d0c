# frozen_string_literal: true

RSpec.describe "A process that forks", :fork do
  include Children

  let(:client) { client_for(shared_server) }

  def echoes(client, count, text) = Array.new(count) { |n| client.echo("#{text}#{n}").value(30) == "#{text}#{n}" }.tally

  # Fails when parent and child read one socket.
  it "has its connection for itself, and so has its child" do
    client.ping
    pid = fork { exit!(echoes(client, 2000, "child") == { true => 2000 } ? 0 : 1) }
    expect(echoes(client, 2000, "parent")).to eq(true => 2000)
    Process.wait(pid)
    expect($?).to be_success
  end

  it "has a child in which what was pending failed, and no block is called" do
    called = []
    task = client.submit_job("nobody-does-this", "", timeout: 0.5) { called << :parent }
    eventually { task.handle }
    answer = forked do
      error = task.wait(10)&.error
      loop.run(0.2)
      [error.class.name, error.delivery, error.retriable?, called, client.stats[:pending]]
    end
    expect(answer).to eq(["EVGearman::ForkedError", :accepted, false, [], 0])
    expect { task.value(30) }.to raise_error(EVGearman::JobTimeoutError)
    expect(called).to eq([:parent])
  end

  # Fails when the child says a word on its parent's connection, or closes it with one.
  it "has a child that sends no byte when it only leaves" do
    server = fake_server(&:stall)
    client = client_for(server, command_timeout: nil)
    client.echo("x")
    eventually { client.pending_count == 1 && server.peers.size == 1 }
    forked { client.disconnect.close && :left }
    expect(client.state).to eq(:connected)
    expect(server.peers.size).to eq(1)
    client.disconnect
  end

  # Fails when the fork does not wait for the C library, which keeps a lock while it reads how to look up names, and the
  # child for ever. It does so in the first lookup of a process, so each is made in a fresh child, and forks in it.
  it "may do so in its first lookup of a name: its child can look up names too" do
    skip "the sanitizer's allocator keeps locks of its own over a fork" if Requirements.sanitized?
    out, status = child(<<~'RUBY', url: "localhost:#{shared_server.port}")
      first_lookup = lambda do |n|
        client.connect
        LOOP.run_once(0)
        sleep(n * 1e-6) if n.odd?
        pid = fork { exit!(client.echo("child").wait(10) ? 0 : 1) }
        Process.wait2(pid).last.success?
      end
      puts Array.new(100) { |n| Process.wait2(fork { exit!(first_lookup.call(n)) }).last.success? }.tally
    RUBY
    expect([out, status]).to match(["{true=>100}\n", be_success])
  end

  it "may do so in a block: the child goes on by itself" do
    answer = nil
    client.echo("in a block") { answer = forked { echoes(client, 20, "child") } }
    eventually { answer }
    expect(answer).to eq(true => 20)
    expect(echoes(client, 20, "parent")).to eq(true => 20)
  end

  # Fails when the child walks the list of those who followed: they lie on stacks that are gone.
  it "may do so while other threads drive and follow" do
    client.ping
    threads = Array.new(4) { Thread.new { client.submit_job("nobody-does-this", "", timeout: 1).wait(30) } }
    eventually { client.active_count == 4 || sleep(0.005) && false }
    20.times { expect(forked { echoes(client, 5, "child") }).to eq(true => 5) }
    expect(threads.map(&:value)).to all(be_failed)
  end

  it "gives its child a default loop and unique keys of its own" do
    keys = Array.new(2) { client.submit_job_bg(function).unique } + forked { Array.new(2) { client.submit_job_bg("f").unique } }
    expect(keys.uniq.size).to eq(4)
    expect(keys.map { |key| key[0, 16] }.uniq.size).to eq(2)
    parent = EVGearman::Loop.default.object_id
    expect(forked { EVGearman::Loop.default.object_id }).not_to eq(parent)
    client.flush
  end

  # Fails without pthread_atfork: Process.daemon does not call Ruby's own hook.
  it "may become a daemon" do
    IO.pipe do |reader, writer|
      script = <<~RUBY
        a = client
        a.echo("before").value(30)
        Process.daemon(true, true)
        out = IO.for_fd(#{writer.fileno})
        out.puts [a.echo("after").value(30), Array.new(100) { |n| a.echo(n.to_s).value(30) }.last].inspect
        out.close
        exit!
      RUBY
      Process.wait(spawn(*ruby, "-e", Children::PRELUDE + script, shared_server.url, writer => writer))
      writer.close
      expect(reader.wait_readable(60) && reader.read).to eq("[\"after\", \"99\"]\n")
    end
  end

  it "runs its child's exit handlers without a hang" do
    text, status = child(<<~RUBY)
      a = client
      never(a)
      a.echo("x").value(30)
      Process.wait(fork { at_exit { puts a.echo("in the child").value(30) } })
      puts a.echo("in the parent").value(30)
    RUBY
    expect(text).to eq("in the child\nin the parent\n")
    expect(status).to be_success
  end

  it "may do so in a trap handler, while it waits" do
    text, status = child(<<~RUBY)
      a = client
      pid = nil
      trap(:USR1) { pid = fork { puts a.echo("in the child").value(30); $stdout.flush; exit! } }
      Thread.new { sleep 0.1; Process.kill(:USR1, Process.pid) }
      a.submit_job("nobody-does-this", "", timeout: 1).wait
      Process.wait(pid)
      puts a.echo("in the parent").value(30)
    RUBY
    expect(text).to eq("in the child\nin the parent\n")
    expect(status).to be_success
  end
end
