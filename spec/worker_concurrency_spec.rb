# frozen_string_literal: true

RSpec.describe EVGearman::Worker, "with concurrency" do
  let(:name) { function }
  let(:client) { client_for(shared_server) }
  let(:gate) { Thread::Queue.new } # handlers wait here until the example lets them go

  def pooled(concurrency = 3, **options)
    worker_for(shared_server, concurrency: concurrency, **options)
  end

  after { gate.close }

  it "takes a whole number above 0, or nil" do
    [0, -1, 1.5, "2"].each { |bad| expect { pooled(bad) }.to raise_error(ArgumentError, /concurrency/) }
    expect([pooled(1).concurrency, pooled(7).concurrency, pooled(nil).concurrency]).to eq([1, 7, nil])
  end

  it "runs so many synchronous handlers at a time, and no more" do
    running = most = 0
    worker = pooled(3)
    worker.register_function(name) do |job|
      most = [most, running += 1].max
      gate.pop
      running -= 1
      job.workload.upcase
    end.work
    tasks = %w[a b c d e f g].map { |workload| client.submit_job(name, workload) }
    eventually { running == 3 }
    settle(worker, client)
    expect([worker.busy_count, shared_server.status(name)]).to eq([3, [7, 3, 1]])
    7.times { gate << :go }
    expect(EVGearman::Task.all(tasks, 30)).to eq(%w[A B C D E F G])
    expect(most).to eq(3)
  end

  it "holds as many more as prefetch says" do
    worker = pooled(2, prefetch: 3).register_function(name) { |_job| gate.pop }.work
    tasks = Array.new(8) { client.submit_job(name) }
    eventually { worker.busy_count == 5 }
    settle(worker, client)
    expect(worker.busy_count).to eq(5)
    8.times { gate << "done" }
    EVGearman::Task.all(tasks, 30)
  end

  # Fails when it is taken for the number of GRABs that may be outstanding.
  it "holds hundreds, when prefetch says so" do
    held = []
    worker = pooled(1, prefetch: 200).register_function(name, async: true) { |job| held << job }.work
    client.submit_jobs_bg([[name]] * 250).value
    eventually { worker.busy_count == 201 }
    settle(worker)
    expect(held.size).to eq(201)
    eventually { held.each { |job| job.complete unless job.finished? } && held.size == 250 }
    [-1, 1.5, "2", nil, :all].each { |bad| expect { pooled(1, prefetch: bad) }.to raise_error(ArgumentError, /prefetch/) }
  end

  it "runs them beside the loop's thread, asynchronous ones on it" do
    threads = {}
    worker = pooled(2)
    worker.register_function(name) { (threads[:sync] = Thread.current) && nil }
    worker.register_function(other = function, async: true) { |job| (threads[:async] = Thread.current) && job.complete }
    worker.work
    client.call(name)
    client.call(other)
    expect(threads[:async]).to be(Thread.current)
    expect(threads[:sync]).not_to be(Thread.current)
  end

  it "keeps the loop free: what is said leaves at once, others are answered" do
    worker = pooled(2)
    worker.register_function(name) { |job| job.send_data("begun") && gate.pop }.work
    said = []
    task = client.submit_job(name, on_data: ->(bytes) { said << bytes })
    eventually { said == ["begun"] }
    expect(worker.echo("free").value).to eq("free")
    gate << "end"
    expect(task.value).to eq("end")
  end

  it "fails the job of a handler that raises, and tells on_callback_error on the thread that drives" do
    told = []
    worker = pooled(2, on_callback_error: ->(error, where) { told << [error.message, where, Thread.current] })
    worker.register_function(name) { raise ArgumentError, "no such page" }.work
    expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to eq("no such page") }
    eventually { told.any? }
    expect(told).to match([["no such page", /\Ajob #{name} H:/, Thread.current]])
  end

  it "fails the job of a handler whose value is no String, and of one that is not there" do
    worker = pooled(2, on_callback_error: ->(*) {})
    worker.register_function(name) { 42 }
    worker.register_function(other = function) { require "there/is/no/such/file" }.work
    expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to match(/not Integer/) }
    expect { client.call(other) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to match(/cannot load such file/) }
  end

  # Fails when a handler's deadline is not known to the poll that is under way.
  it "fails a job at its deadline, drops the late result, and counts it no more" do
    begun = 0
    told = []
    worker = pooled(2, on_callback_error: ->(error, _) { told << error.class })
    worker.register_function(name, timeout: 0.2) { (begun += 1) && gate.pop }.work
    tasks = Array.new(2) { client.submit_job(name) }
    tasks.each { |task| expect { task.value(30) }.to raise_error(EVGearman::JobExceptionError) }
    expect([begun, worker.busy_count]).to eq([2, 0])
    eventually { told == [EVGearman::JobTimeoutError] * 2 }
    2.times { gate << "late" }
    eventually { gate.empty? } # a thread that is slow to wake would leave its own to the next job
    settle(worker)
    expect(worker.stats[:ignored_packets]).to eq(0)
    gate << "in time"
    expect(client.call(name)).to eq("in time")
  end

  # Fails when a job is taken for a thread that is with a job whose time is up: it would wait there, and another worker is free.
  it "takes no job that no thread can run" do
    worker = pooled(2, on_callback_error: ->(*) {})
    worker.register_function(name, timeout: 0.2) { gate.pop }
    worker.register_function(other = function) { "by the first" }.work
    hung = Array.new(2) { client.submit_job(name) }
    hung.each { |task| expect { task.value(30) }.to raise_error(EVGearman::JobExceptionError) }
    another = worker_for(shared_server).register_function(other) { "by another" }.work
    expect(Array.new(3) { client.submit_job(other) }.map { |task| task.value(30) }).to eq(["by another"] * 3)
    another.work_stop
    settle(another)
    gate << "late"
    expect(client.call(other)).to eq("by the first")
  end

  # Fails when a handler that overflows its stack takes the jobs of the other threads along.
  it "lets a bad job pay for itself" do
    told = []
    worker = pooled(2, on_callback_error: ->(error, _) { told << error.class })
    deep = ->(n) { deep.(n + 1) }
    worker.register_function(name) { deep.(0) }
    worker.register_function(other = function) { gate.pop }.work
    good = client.submit_job(other)
    expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError)
    gate << "good"
    expect(good.value(30)).to eq("good")
    expect([told, worker.stats[:reconnects]]).to eq([[SystemStackError], 0])
  end

  # Fails when a job that ends its thread each time is fetched again at once each time.
  it "hands back a job whose thread is killed, and goes on" do
    runs = 0
    worker = pooled(2, reconnect_delay: 0.01)
    worker.register_function(name) { (runs += 1) < 4 ? Thread.exit : "at last" }.work
    expect(client.call(name)).to eq("at last")
    expect(errors.map { |error| short(error) }).to eq(["disconnected: jobs are handed back"] * 3)
  end

  it "lets handlers submit jobs and wait for them, through the worker's own connection" do
    worker = pooled(2)
    worker.register_function(name) { |job| job.worker.client.call(job.workload, "from a job").upcase }
    worker.register_function(other = function) { |job| job.workload.reverse }.work
    expect(client.call(name, other)).to eq("BOJ A MORF")
  end

  it "loses its jobs when the connection ends: they are told, and what they return goes nowhere" do
    server = own_server
    lost = []
    held = nil
    worker = worker_for(server, concurrency: 2)
    worker.register_function(name) { |job| (held = job).on_lost { lost << job.handle } && gate.pop }.work
    task = client_for(server, reconnect: false).submit_job(name)
    eventually { held }
    server.kill
    eventually { lost.any? && task.done? }
    expect([held.lost?, worker.busy_count, task.error]).to match([true, 0, EVGearman::DisconnectedError])
    server.restart
    gate << "for nobody"
    eventually { worker.connected? }
    expect(worker.echo("aligned").value).to eq("aligned")
    expect(worker.stats[:ignored_packets]).to eq(0)
  end

  it "does not run what was lost while it waited for a thread" do
    server = own_server
    begun = []
    worker = worker_for(server, concurrency: 2, prefetch: 2)
    worker.register_function(name) { |job| begun << job.workload && gate.pop }.work
    4.times { |n| client_for(server).submit_job_bg(name, n.to_s) }
    eventually { worker.busy_count == 4 && begun.size == 2 }
    worker.disconnect
    2.times { gate << "x" }
    sleep(0.01) until gate.num_waiting.zero?
    sleep(0.05)
    expect(begun.size).to eq(2)
  end

  it "hands the job back when its thread is killed, and goes on with another thread" do
    killed = nil
    worker = pooled(2)
    worker.register_function(name) { killed ? "by another" : (killed = Thread.current) && gate.pop }.work
    task = client.submit_job(name)
    eventually { killed }
    killed.kill
    expect(task.value(30)).to eq("by another")
  end

  it "lets a handler exit the process" do
    out, status = child(<<~RUBY)
      worker = EVGearman::Worker.new(url: URL, loop: LOOP, concurrency: 2)
      worker.register_function("#{name}") { exit(7) }.work
      client.submit_job_bg("#{name}").value
      LOOP.run(20)
    RUBY
    expect([out, status.exitstatus]).to eq(["", 7])
    worker_for(shared_server).register_function(name) { nil }.work
    eventually { shared_server.status(name).first.zero? }
  end

  it "ends its threads when it is closed, those that are busy after their handler" do
    before = Thread.list
    worker = pooled(2).register_function(name) { gate.pop }.work
    client.submit_job(name)
    eventually { worker.busy_count == 1 && gate.num_waiting == 1 }
    threads = Thread.list - before
    worker.close
    gate << "x"
    threads.each { |thread| expect(thread.join(30)).to be(thread) }
  end

  describe "#run" do
    let(:client) { client_for(shared_server, loop: EVGearman::Loop.new) }

    it "finishes what its threads have" do
      worker = pooled(2)
      begun = 0
      worker.register_function(name) { (begun += 1) && gate.pop }
      running = Thread.new { worker.run(signals: false) }
      tasks = Array.new(2) { client.submit_job(name) }
      eventually { client.loop.run_once(0.01) || begun == 2 }
      worker.stop
      2.times { gate << "finished" }
      expect(running.value).to eq(finished: 2, handed_back: [])
      expect(EVGearman::Task.all(tasks, 30)).to eq(%w[finished finished])
    end

    it "hands back what takes longer than shutdown_timeout" do
      worker = pooled(2, shutdown_timeout: 0.05)
      begun = 0
      worker.register_function(name) { (begun += 1) && gate.pop }
      running = Thread.new { worker.run(signals: false) }
      task = client.submit_job(name)
      eventually { client.loop.run_once(0.01) || begun == 1 }
      worker.stop
      expect(running.value).to eq(finished: 0, handed_back: [task.handle])
      worker_for(shared_server, loop: client.loop).register_function(name) { "by another" }.work
      expect(task.value(30)).to eq("by another")
    end
  end

  it "is unbounded with nil: every job that there is is taken" do
    held = []
    pooled(nil).register_function(name, async: true) { |job| held << job }.work
    tasks = Array.new(100) { client.submit_job(name) }
    eventually { held.size == 100 }
    held.each { |job| job.complete("x") }
    expect(EVGearman::Task.all(tasks, 30).uniq).to eq(["x"])
  end

  it "has threads of its own in a forked child" do
    worker = pooled(2).register_function(name) { Process.pid.to_s }.work
    expect(client.call(name)).to eq(Process.pid.to_s)
    worker.disconnect
    answer = forked do
      worker.work
      [EVGearman::Client.new(url: shared_server.url, loop: worker.loop).call(name).to_i, Process.pid]
    end
    expect(answer.uniq.size).to eq(1)
  end
end
