# frozen_string_literal: true

RSpec.describe "A forked child" do
  let!(:client) { client_for(shared_server) }

  def wait(task) = task.value(Examples::PATIENCE)

  # What the child makes of the client and a Task of its parent, and whether a block of the parent was called in it.
  def inherited(task, called)
    error = task.wait(10)&.error
    inherited = [error.class.name, error && short(error), client.state, client.stats[:pending]]
    inherited + [wait(client.echo("child")), called.size, loop.running?]
  end

  let(:as_it_should_be) { ["EVGearman::ForkedError", "forked", :idle, 0, "child", 0, false] }

  it "has no pending Tasks, and its own connection on first use; the parent does not notice" do
    wait(client.echo("connected"))
    called = []
    task = client.echo("pending") { called << 1 }
    expect(forked { inherited(task, called) }).to eq(as_it_should_be)
    expect(wait(task)).to eq("pending")
    expect(called).to eq([1])
    expect(client.stats.values_at(:submitted, :reconnects)).to eq([2, 0])
  end

  it "of a block" do
    called = []
    answer = nil
    task = never
    client.echo("x") { answer = forked { inherited(task, called) } }
    wait(client.echo("answered in one read with it") { called << 1 })
    expect(answer).to eq(as_it_should_be)
    expect(called).to eq([1])
    task.abandon
  end

  it "of a block in a block" do
    called = []
    answer = nil
    task = never
    task.on_finish { called << 1 }
    wait(client.echo("x") { wait(client.echo("y") { answer = forked { inherited(task, called) } }) })
    expect(answer).to eq(as_it_should_be)
    expect(wait(client.echo("parent"))).to eq("parent")
    task.abandon
  end

  it "while another thread drives, and others wait" do
    called = []
    driving, goal = driver
    waiting = Array.new(4) { Thread.new { goal.wait(Examples::PATIENCE) } }
    waiting.each { |thread| sleep(0.001) until thread.status == "sleep" }
    task = never
    20.times { expect(forked { inherited(task, called) }).to eq(as_it_should_be) }
    expect(wait(client.echo("parent"))).to eq("parent")
    [goal, task].each(&:abandon)
    (waiting << driving).each { |thread| expect(thread.join(Examples::PATIENCE)).to be(thread) }
  end

  it "of a thread that is not the main one" do
    task = never
    expect(Thread.new { forked { inherited(task, []) } }.value).to eq(as_it_should_be)
    task.abandon
  end

  it "forks again" do
    task = never
    answers = forked do
      mine = inherited(task, [])
      task = never
      [mine, forked { inherited(task, []) }]
    end
    expect(answers).to eq([as_it_should_be] * 2)
    task.abandon
  end

  it "has threads of its own that share the client" do
    wait(client.echo("connected"))
    answers = forked { Array.new(8) { |n| Thread.new { wait(client.echo(n.to_s)) } }.map(&:value) }
    expect(answers).to eq(%w[0 1 2 3 4 5 6 7])
  end

  it "makes 4,000 requests beside the 4,000 of its parent" do
    requests = ->(who) { (0...4000).reject { |n| wait(client.echo("#{who}#{n}")) == "#{who}#{n}" } }
    wait(client.echo("connected"))
    in_child = Thread.new { forked(120) { requests.call("child") } }
    expect(requests.call("parent")).to eq([])
    expect(in_child.value).to eq([])
    expect(client.stats[:reconnects]).to eq(0)
  end

  it "calls no timer and no post of its parent, and ends its parent's runs where they are" do
    called = []
    loop.after(0.02) { called << :timer }
    loop.post { called << :post }
    expect(forked { loop.run(0.1) || called }).to eq([])
    eventually { called.size == 2 }
  end

  # Fails when it opens something that is closed under it: libev aborts the process.
  { "fork" => "", "Process.daemon" => "Process.daemon(true, true)" }.each do |how, code|
    it "of #{how} may close all descriptors that there are, and open others in their place" do
      output = script(<<~RUBY)
        reader, writer = IO.pipe
        shared = client
        shared.echo("parent").value
        pid = fork do
          #{code}
          fds = Dir.children("/proc/self/fd").map(&:to_i) - [0, 1, 2, writer.fileno]
          fds.each { |fd| IO.for_fd(fd).close rescue nil }
          GC.start # the IOs of Ruby that are closed by it
          files = Array.new(20) { File.open("/dev/null") }
          writer.puts [shared.echo("child").value(10), EVGearman::Client.new(url: URL).echo("new").value(10)].inspect
          GC.start
          writer.puts files.map { |file| file.read(1) }.uniq.inspect
        ensure
          exit!(0)
        end
        Process.wait(pid)
        writer.close
        puts reader.read, shared.echo("on").value(10)
      RUBY
      expect(output).to eq("[\"child\", \"new\"]\n[nil]\non\n")
    end
  end

  it "opens nothing before its first use" do
    wait(client.echo("parent"))
    before = Dir.children("/proc/self/fd").size
    expect(forked { Dir.children("/proc/self/fd").size }).to be < before
  end

  # Fails when it takes a poll that sleeps in the kernel for one that is just changing what libev knows.
  it "keeps none of the descriptors of a loop that another thread turns" do
    descriptors = -> { Dir.children("/proc/self/fd").size }
    wait(client.echo("connected"))
    alone = forked(&descriptors)
    driving, goal = driver
    eventually(10) { forked(&descriptors) == alone } # as long as it does not sleep, they are left alone
    goal.abandon
    driving.join
  end

  # Fails when the failures of its parent count for it.
  it "has all its attempts to connect before it" do
    nobody = Socket.new(:INET, :STREAM).tap { |socket| socket.bind(Addrinfo.tcp("127.0.0.1", 0)) } # and does not listen
    told = 0
    mine = keep(EVGearman::Client.new(url: "127.0.0.1:#{nobody.local_address.ip_port}", loop: loop,
                                      max_reconnect_attempts: 20, reconnect_delay: 0.001, reconnect_max_delay: 0.01,
                                      on_error: ->(_) { told += 1 }))
    mine.echo("x")
    eventually { told >= 2 }
    in_child = forked do
      told = 0
      [mine.echo("x").wait(10).error.class.name, told]
    end
    expect(in_child).to eq(["EVGearman::ReconnectExhaustedError", 20])
    nobody.close
  end

  # Fails when what nobody waits for stays where it is.
  it "has a thread again for a loop that was started, from its first use on; not before" do
    background = EVGearman::Loop.new.start
    mine = keep(EVGearman::Client.new(url: shared_server.url, loop: background))
    wait(mine.echo("parent"))
    counts = forked do
      before = Thread.list.size
      answers = Queue.new
      mine.echo("child") { |answer| answers << answer }
      [before, answers.pop, Thread.list.size, background.running?]
    end
    expect(counts).to eq([1, "child", 2, true])
    expect(forked { background.after(0) { @called = true } && eventually { @called } }).to be(true)
    expect(forked { background.close || background.running? }).to be(false)
    in_block = Queue.new
    background.post { in_block << forked { answers = Queue.new.tap { |all| mine.echo("block") { |answer| all << answer } } and answers.pop } }
    expect(in_block.pop).to eq("block")
    expect(wait(mine.echo("parent"))).to eq("parent")
    background.close
  end

  it "is started, if its parent's default loop was" do
    output, = child(<<~'RUBY')
      EVGearman::Loop.default.start
      Process.wait(fork { EVGearman.configure { |c| c.url = URL }
                          EVGearman.client.echo("x") { puts Thread.current.name; exit!(0) }
                          sleep })
    RUBY
    expect(output).to eq("evgearman loop\n")
  end

  it "loses the jobs of its parent and answers none of them" do
    worker = worker_for(shared_server)
    outcome = nil
    worker.register_function(name = function) do |job|
      outcome = forked { [job.lost?, job.complete("child"), worker.busy_count] }
      "parent"
    end
    worker.work
    expect(client.call(name, timeout: 30)).to eq("parent")
    expect(outcome).to eq([true, false, 0])
  end

  # Fails when the handler of its parent is waited for, which ends nowhere in it.
  it "runs jobs, though a thread of its parent's was in a handler" do
    gate = Queue.new
    worker = worker_for(shared_server)
    worker.register_function(long = function) { gate.pop }.register_function(name = function) { "child" }.work
    calling = Thread.new { client.call(long, timeout: 60) }
    sleep(0.001) until gate.num_waiting == 1
    answer = forked do
      GC.disable # its parent's job is forgotten when it is collected
      worker.work && client.call(name, timeout: 10)
    end
    expect(answer).to eq("child")
    gate << "parent"
    expect(calling.value).to eq("parent")
  end

  it "sends no byte, and leaves its parent's connection open" do
    server = fake_server { |peer| peer.expect(:echo_req).then { |(data)| peer.send(:echo_res, data) } }
    other = client_for(server)
    expect(wait(other.echo("before"))).to eq("before")
    task = other.echo("unanswered")
    other.flush(0.05)
    forked { GC.start && loop.run(0.05) && other.disconnect }
    forked { other.close }
    forked { loop.close }
    eventually { server.received.size == 4 }
    sleep(0.05)
    expect([server.peers.size, server.commands.count(:echo_req), other.connected?, task.done?]).to eq([1, 2, true, false])
  end

  # `with_daemon` waits for the end of a child that runs its block, and of the daemon that this makes.
  def script(text)
    output, status = child(<<~'RUBY' + text)
      def with_daemon(&block)
        IO.pipe do |reader, writer|
          parent = fork(&block)
          writer.close
          Process.wait(parent)
          reader.read
        end
      end
    RUBY
    expect(status.exitstatus).to eq(0), output
    output
  end

  it "may be made by Process.daemon, of a thread that waits and with others waiting" do
    output = script(<<~'RUBY')
      shared = client
      task = never(shared)
      waiting = Array.new(3) { Thread.new { task.wait } }
      waiting.each { |thread| asleep(thread) }
      with_daemon do
        Process.daemon(true, true)
        puts [task.wait(10)&.error.class, shared.echo("daemon").value(10)].join(" ")
        8.times { |n| Thread.new { shared.echo(n.to_s).value(10) }.join }
        GC.start
        puts shared.stats[:pending]
      end
      puts shared.echo("parent").value(10)
    RUBY
    expect(output.lines.map(&:chomp)).to eq(["EVGearman::ForkedError daemon", "0", "parent"])
  end

  it "may be made by Process.daemon in a block" do
    output = script(<<~'RUBY')
      shared = client
      with_daemon do
        task = shared.echo("x") { Process.daemon(true, true) }
        shared.echo("never") { puts "called" }
        puts task.value(10)
        puts shared.echo("daemon").value(10)
      end
    RUBY
    expect(output).to eq("x\ndaemon\n")
  end

  # Fails when who follows in a trap handler that forks is not told, in the child, that nobody drives any more.
  %w[value run].each do |wait|
    it "may be made in a trap handler, while #{wait} drives and while it follows" do
      output = script(<<~RUBY)
        shared = client
        children = []
        child = false
        trap("USR1") { pid = fork; pid ? children << pid : child = true }
        [false, true].each do |beside|
          goal = never(shared)
          other = Thread.new { goal.wait } if beside
          eventually { LOOP.running? } if beside
          Thread.new { asleep(Thread.main); Process.kill(:USR1, $$) }
          task = shared.submit_job("nobody-does-this", "", timeout: 0.5)
          "#{wait}" == "run" ? LOOP.run(0.6) : task.wait
          if child
            answer = shared.echo("child").value(10)
            exit!(task.error.is_a?(EVGearman::ForkedError) && answer == "child" ? 0 : 1)
          end
          goal.abandon
          other&.join
        end
        puts children.map { |pid| Process.wait2(pid).last.exitstatus }.inspect
      RUBY
      expect(output).to eq("[0, 0]\n")
    end
  end

  it "ends clean, with everything pending, by exit and by its end" do
    output = script(<<~'RUBY')
      shared = client
      waiting = Array.new(3) { Thread.new { never(shared).wait } }
      waiting.each { |thread| asleep(thread) }
      at_exit { puts "at exit" }
      children = [fork { exit }, fork { GC.start }, fork { shared.echo("x") { puts "called" } }, fork { shared.echo("x").value }]
      puts children.map { |pid| Process.wait2(pid).last.exitstatus }.inspect
    RUBY
    expect(output).to eq(("at exit\n" * 4) + "[0, 0, 0, 0]\n" + "at exit\n")
  end
end
