# frozen_string_literal: true

RSpec.describe "A handler that is long, under Worker#run" do
  let(:name) { function }
  let(:client) { client_for(shared_server, loop: EVGearman::Loop.new) }
  let(:gate) { Thread::Queue.new } # the handler waits here
  let(:options) { {} }

  def worker = @worker ||= worker_for(shared_server, **options)

  def running = @running ||= Thread.new { worker.run(signals: false) }.tap { |thread| thread.report_on_exception = false }

  def deputies = Thread.list.select { |thread| thread.name == "evgearman deputy" }

  # Waits for one, and does not turn the loop meanwhile: it would begin on this thread.
  def in_handler = (sleep(0.001) until gate.num_waiting == 1)

  def handle(**options, &block)
    worker.register_function(name, **options, &block)
    running
  end

  after do
    gate.close
    worker.stop(0)
    @running&.join(Examples::PATIENCE)
    expect(deputies).to be_empty
  end

  # Each of these hangs when the loop waits for the handler.
  it "lets timers and answers come, though nobody else turns the loop" do
    handle do |_job|
      loop.after(0.01) { gate << "timer" }
      worker.echo("x") { |value, _| gate << value }
      [gate.pop, gate.pop].sort.join(" ")
    end
    expect(client.call(name, timeout: Examples::PATIENCE)).to eq("timer x")
  end

  it "is failed at its time limit, not when it returns" do
    handle(timeout: 0.15) { gate.pop }
    expect { client.call(name, timeout: Examples::PATIENCE) }.to raise_error(EVGearman::JobExceptionError)
    expect(gate.num_waiting).to eq(1)
    eventually { callback_errors.any? }
    expect(callback_errors.map { |_, error| error.class }).to eq([EVGearman::JobTimeoutError])
    callback_errors.clear
  end

  it "is handed back at the end of shutdown_timeout, not when it returns" do
    handle do |job|
      job.on_lost { gate << "lost" }
      worker.stop(0.05)
      gate.pop
    end
    handle = client.enqueue(name)
    expect(running.join(Examples::PATIENCE)&.value).to eq(finished: 0, handed_back: [handle])
    worker_for(shared_server, loop: client.loop).register_function(name) { nil }.work
    eventually { client.loop.run_once(0.01) || shared_server.status(name).first.zero? }
  end

  it "does not keep heartbeats from being sent and answered" do
    server = fake_server do |peer|
      peer.skip_to(:grab_job_uniq)
      peer.send(:job_assign_uniq, "H:1", name, "", "")
      peer.answer_echoes
    end
    @worker = worker_for(server, heartbeat: 0.05)
    handle { gate.pop }
    in_handler
    beats = -> { server.received.count { |command, _| command == :echo_req } }
    before = beats.call
    eventually { beats.call > before + 2 }
    gate << "done"
    eventually { server.received.include?([:work_complete, "H:1", "done"]) }
  end

  context "with jobs that wait" do
    let(:options) { { prefetch: 4 } }

    it "stays the only one, and those behind it begin on the thread that is in `run`" do
      begun, under_way, most = [], 0, 0
      handle do |job|
        most = [most, under_way += 1].max
        begun << [job.workload, Thread.current]
        loop.after(0.15) { gate << :go }
        gate.pop
        under_way -= 1
        nil
      end
      Array.new(3) { |n| client.submit_job(name, n.to_s) }.each { |task| task.value(Examples::PATIENCE) }
      expect([most, begun]).to eq([1, %w[0 1 2].map { |workload| [workload, running] }])
    end
  end

  it "may wait for the loop itself, and blocks of others are called meanwhile" do
    handle do |job|
      loop.after(0.01) { gate << :seat_lost }
      gate.pop
      "#{worker.echo(job.workload).value(Examples::PATIENCE)}!"
    end
    expect(client.call(name, "x", timeout: Examples::PATIENCE)).to eq("x!")
  end

  it "does not swallow what a block raises that is no StandardError: `run` raises it" do
    handle do |_job|
      loop.after(0.01) { (gate << "") && raise(Exception, "out") }
      gate.pop
    end
    client.enqueue(name)
    expect { running.join(Examples::PATIENCE) }.to raise_error(Exception, "out")
    expect(worker).to be_closed
    @running = nil
  end

  # How often the kernel let it sleep.
  def switches
    File.read("/proc/self/task/#{deputies.fetch(0).native_thread_id}/status")[/^voluntary_ctxt_switches:\s*(\d+)/, 1]
  end

  # Fails when it looks at a clock while there is nothing to do.
  it "has a second thread that sleeps while none runs" do
    handle { |_job| sleep(0.15) && nil }
    client.call(name, timeout: Examples::PATIENCE)
    sleep(0.3) # it may have been looking when the handler ended
    before = switches
    sleep(0.5)
    expect(switches).to eq(before)
  end

  # Fails when nobody tells it that the handler has ended: it looks, every 100 ms, for as long as the other drives.
  it "has a second thread that sleeps again, also when another took the seat from it" do
    handle { |_job| gate.pop && nil }
    task = client.submit_job(name, timeout: Examples::PATIENCE)
    client.flush
    in_handler
    driving, goal = seat_from_deputy
    gate << :go
    expect(task.value(Examples::PATIENCE)).to eq("")
    eventually { switches.then { |before| sleep(0.3) && before == switches } }
    expect(driving).to be_alive
    goal.abandon
    driving.join
  end

  # A thread that has taken it, and the Task that it waits for. The deputy follows until the handler ends.
  def seat_from_deputy
    held = on_deputy = nil
    block = Thread::Queue.new
    loop.post { (on_deputy = Thread.current) && block.pop && held = true }
    eventually { on_deputy }
    expect([on_deputy]).to eq(deputies)
    goal = client_for(shared_server).submit_job("nobody-does-this", "", timeout: 60)
    driving = Thread.new { goal.wait }
    loop.post { block << Thread.current }
    eventually { held && on_deputy.status == "sleep" }
    [driving, goal]
  end

  # Fails when the thread that has forked waits, in the child, for handlers of its parent.
  it "has a second thread that ends in a child which a block of its own has forked" do
    output, status = child(<<~'RUBY')
      gate, pids, name = Queue.new, Queue.new, "forks-#{$$}"
      worker = EVGearman::Worker.new(url: URL, loop: LOOP).register_function(name) { gate.pop }
      running = Thread.new { worker.run(signals: false) }
      task = EVGearman::Client.new(url: URL, loop: EVGearman::Loop.new).submit_job(name).tap { |one| one.client.flush }
      eventually { gate.num_waiting == 1 }
      LOOP.post { (pid = fork) ? pids << pid : puts(Thread.current.name) }
      forked = Process.detach(pids.pop)
      forked.join(20) or Process.kill("KILL", forked.pid)
      puts forked.value.exitstatus.inspect
      gate << "done"
      puts task.value(20)
      worker.stop
      puts running.value[:finished]
    RUBY
    expect([output, status.exitstatus]).to eq(["evgearman deputy\n0\ndone\n1\n", 0])
  end

  it "is run without a second thread where none can be made" do
    worker.register_function(name) { |_job| deputies.size.to_s }
    may_run = Thread::Queue.new
    @running = Thread.new { may_run.pop && worker.run(signals: false) }
    allow(Thread).to receive(:new).and_raise(ThreadError, "can't create Thread: Resource temporarily unavailable")
    may_run << true
    expect(client.call(name, timeout: Examples::PATIENCE)).to eq("0")
    worker.stop
    expect(running.join(Examples::PATIENCE)&.value).to include(finished: 1)
  end
end
