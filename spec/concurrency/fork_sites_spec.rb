# frozen_string_literal: true

# Wherever a process forks: the parent goes on as if nothing had happened, and the child begins afresh.
RSpec.describe "A process may fork", :fork do
  def wait(task) = task.value(Examples::PATIENCE)
  def never = @client.submit_job("nobody-does-this", "", timeout: 60)

  # Each calls `fork_here` once.
  sites = {
    "before it connects" => -> { fork_here },
    "while a name is looked up" => lambda do
      @client = client_for(Struct.new(:url).new("localhost:#{shared_server.port}")).connect
      loop.run_once(0)
      fork_here
    end,
    "while it connects" => -> { @client.connect && loop.run_once(0).then { fork_here } },
    "with an idle connection" => -> { wait(@client.echo("x")) && fork_here },
    "with requests not yet written" => -> { (@pending = never) && fork_here },
    "with requests pending" => -> { (@pending = never) && @client.flush && fork_here },
    "in a block" => -> { (@pending = never) && @client.echo("x") { fork_here } && answered },
    "in a block in a block" => -> { (@pending = never) && @client.echo("x") { wait(@client.echo("y") { fork_here }) } && answered },
    "in on_error" => -> { refused.on_error { @answer || fork_here } && answered },
    "in a timer" => -> { (@pending = never) && loop.after(0.001) { fork_here } && answered },
    "in a post" => -> { (@pending = never) && loop.post { fork_here } && answered },
    "in a handler" => -> { working { fork_here && "" } && @client.submit_job(@function) && answered },
    "in on_lost" => -> { lose_a_job { fork_here } && answered },
    "while threads drive and follow" => lambda do
      @pending = never
      waiting = Array.new(3) { Thread.new { @pending.wait } }
      waiting.each { |thread| sleep(0.001) until thread.status == "sleep" }
      fork_here
    end,
    "while a background thread drives" => lambda do
      drives = Queue.new
      loop.start.post { drives << true }
      drives.pop
      @pending = never
      fork_here
    end,
    "on another thread than the main one" => -> { (@pending = never) && Thread.new { fork_here }.join },
    "with a worker that sleeps" => -> { working { "" } && loop.run(0.02) || fork_here },
    "in a child" => -> { (@pending = never) && @answer = forked { fork_here.tap { never } } }
  }

  before do
    @client = client_for(shared_server)
    @function = function
    @called = 0
    @timer = loop.after(0.2) { @called += 1 }
  end

  def refused
    socket = Socket.new(:INET, :STREAM).tap { |one| one.bind(Addrinfo.tcp("127.0.0.1", 0)) }
    @socket = socket # nobody listens there as long as it is bound
    EVGearman::Client.new(url: "127.0.0.1:#{socket.local_address.ip_port}", loop: loop, reconnect: false).connect
  end

  def working(&handler)
    @worker = worker_for(shared_server)
    @worker.register_function(@function, &handler)
    @worker.work
  end

  def lose_a_job(&block)
    worker = worker_for(shared_server)
    held = nil
    worker.register_function(@function, async: true) { |job| held = job.on_lost(&block) }
    worker.work
    task = @client.submit_job(@function)
    eventually { held }
    task.abandon
    worker.disconnect
  end

  def answered = eventually { @answer }

  def fork_here
    pending = @pending
    called = @called
    @answer = forked { in_the_child(pending, called) }
  end

  # `called`: as often its parent's timer was called before.
  def in_the_child(pending, called)
    error = pending&.wait(10)&.error
    answers = Array.new(2) { |n| Thread.new { wait(@client.echo("child #{n}")) } }.map(&:value)
    loop.run(0.25)
    { pending: error && [error.class.name, @client.stats[:pending]], answers: answers, called: @called - called,
      held: @worker ? @worker.busy_count : 0, running: loop.running? }
  end

  sites.each do |site, set_up|
    it site do
      instance_exec(&set_up)
      pending = @pending && ["EVGearman::ForkedError", 0]
      again = site == "while a background thread drives"
      expect(@answer).to eq(pending: pending, answers: ["child 0", "child 1"], called: 0, held: 0, running: again)
      expect(wait(@client.echo("parent"))).to eq("parent")
      expect([@pending&.done?, @client.stats[:reconnects]]).to eq([@pending && false, 0])
      eventually { @called == 1 }
      @pending&.abandon
    end
  end

  # Fails when the child's worker asks for jobs on its parent's behalf.
  it "with a worker at work, which does every job once" do
    done = []
    working { |job| done << job.workload && nil }
    tasks = Array.new(200) { |n| @client.submit_job(@function, n.to_s, timeout: 60) }
    children = Array.new(5) do |n|
      wait(tasks[n * 20])
      fork do
        before = done.size
        loop.run(0.1)
        exit!(done.size == before ? 0 : 1)
      end
    end
    tasks.each { |task| wait(task) }
    expect(children.map { |pid| Process.wait2(pid).last.exitstatus }).to all(eq(0))
    expect(done.sort_by(&:to_i)).to eq(Array.new(200, &:to_s))
  end
end
