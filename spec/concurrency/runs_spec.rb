# frozen_string_literal: true

RSpec.describe "Threads in `run` of a loop" do
  let(:name) { function }
  let(:client) { client_for(shared_server) }
  let(:elsewhere) { client_for(shared_server, loop: EVGearman::Loop.new) }
  let(:started_on) { Thread::Queue.new }
  let(:worker) { worker_for(shared_server).register_function(name) { |_job| (started_on << Thread.current) && nil } }

  def runner
    Thread.new { loop.run }.tap { |thread| sleep(0.001) until thread.status == "sleep" }
  end

  def leave(running, driving, never)
    never.abandon
    loop.stop
    expect([running, driving].map { |thread| thread.join(Examples::PATIENCE) }).to all(be_a(Thread))
  end

  # Fails when whoever drives starts the handlers: a web request's thread would be kept by somebody's job.
  it "are the only ones on which handlers start, also while another drives" do
    driving, never = driver
    running = runner
    worker.work
    3.times do
      expect(elsewhere.call(name, timeout: Examples::PATIENCE)).to eq("")
      expect(started_on.pop).to be(running)
    end
    leave(running, driving, never)
  end

  # Fails when one who comes to run does not tell the driver, which sleeps with the job in its hands.
  it "get the job that waited for them" do
    held = Thread::Queue.new
    running = runner
    loop.post { held.pop } # it is in `run`, and cannot be had
    driving, never = driver
    worker.work
    task = elsewhere.submit_job(name)
    eventually { task.wait(0.02) || worker.busy_count == 1 }
    expect([task.wait(0.1), started_on.size]).to eq([nil, 0])
    held << :go
    expect(task.value(Examples::PATIENCE)).to eq("")
    expect(started_on.pop).to be(running)
    leave(running, driving, never)
  end

  it "start them again when one of them lost the seat to a caller" do
    running = runner
    slow = function
    worker.register_function(slow) { |_job| sleep(0.15) && (started_on << Thread.current) && nil }.work
    enough = false
    calling = Array.new(3) { Thread.new { client.echo("x").value(Examples::PATIENCE) until enough } }
    6.times { elsewhere.call(slow, timeout: Examples::PATIENCE) }
    enough = true
    expect(calling.map { |thread| thread.join(Examples::PATIENCE) }).to eq(calling)
    expect(Array.new(6) { started_on.pop }.uniq).to eq([running])
    loop.stop
    running.join
  end

  # Fails when what left its `run` so counts as in it: handlers wait for it to drive, and nobody does.
  %i[raise kill].each do |how|
    it "are in it no more when Thread##{how} has ended that" do
      GC.disable # it is forgotten when its memory is collected
      running = runner.tap { |thread| thread.report_on_exception = false }
      running.public_send(how)
      sleep(0.001) while running.alive?
      worker.work
      expect(client.call(name, timeout: Examples::PATIENCE)).to eq("")
      expect(started_on.pop).to be(Thread.current)
    ensure
      GC.enable
    end
  end

  # Fails likewise.
  it "are not in it in a forked child, which has none of them" do
    GC.disable
    worker
    running = runner
    answer = forked { [worker.work && client.call(name, timeout: 10), started_on.pop == Thread.current] }
    expect(answer).to eq(["", true])
    loop.stop
    expect(running.join(Examples::PATIENCE)).to be(running)
  ensure
    GC.enable
  end

  it "need not be: then whoever drives runs them" do
    worker.work
    expect(client.call(name, timeout: Examples::PATIENCE)).to eq("")
    expect(started_on.pop).to be(Thread.current)
  end
end
