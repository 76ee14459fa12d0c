# frozen_string_literal: true

RSpec.describe EVGearman::Worker, "one job at a time" do
  let(:name) { function }
  let(:client) { client_for(shared_server) }
  let(:worker) { worker_for(shared_server) }

  describe "#work_one" do
    it "does exactly one job; the next one needs to be asked for" do
      seen = []
      worker.register_function(name) { |job| seen << job.workload && nil }
      %w[first second].each { |workload| client.submit_job_bg(name, workload).value }
      expect(worker.work_one).to be(worker)
      eventually { seen.size == 1 }
      eventually { !worker.working? }
      settle(worker, client)
      expect([seen.size, shared_server.status(name)]).to eq([1, [1, 0, 1]])
      worker.work_one
      eventually { seen.size == 2 }
      expect(seen).to eq(%w[first second])
    end

    it "waits, asleep, when there is none yet, and tells so" do
      idle = 0
      worker.register_function(name, &:workload).work_one { idle += 1 }
      eventually { idle == 1 }
      expect(client.call(name, "x")).to eq("x")
      task = client.submit_job(name, "y")
      eventually { task.handle }
      settle(worker, client)
      expect([task.done?, worker.working?]).to eq([false, false])
      worker.work_one
      expect(task.value).to eq("y")
    end

    it "stays one job through polls, NOOPs for others and a lost connection" do
      server = own_server
      seen = []
      worker = worker_for(server, poll_interval: 0.02)
      worker.register_function(name) { |job| seen << job.workload && nil }.work_one
      eventually { worker.connected? }
      loop.run(0.2)
      server.kill
      eventually { !worker.connected? }
      server.restart
      eventually { worker.connected? }
      client = client_for(server)
      2.times { |n| client.submit_job_bg(name, n.to_s).value }
      eventually { seen.any? }
      settle(worker, client)
      expect([seen, worker.working?]).to eq([["0"], false])
    end

    # Fails when work_one counts the jobs that are held.
    it "is over when an asynchronous handler was called: the next one may be asked for while that job is held" do
      held = []
      worker.register_function(name, async: true) { |job| held << job }
      tasks = Array.new(2) { client.submit_job(name) }
      2.times do |n|
        worker.work_one
        eventually { held.size == n + 1 }
      end
      held.reverse_each { |job| job.complete("x") }
      expect(EVGearman::Task.all(tasks, 30)).to eq(%w[x x])
    end

    it "is refused while it works" do
      worker.work
      expect { worker.work_one }.to raise_error(EVGearman::ConcurrencyError)
      worker.work_stop
      worker.work_one
      expect { worker.work_one }.to raise_error(EVGearman::ConcurrencyError)
    end
  end

  # Fails when it is taken for "does not work": a handler that ends early when it is to would never do its job.
  it "is not about to stop while it has such a job, unless it is told to" do
    seen = []
    worker.register_function(name, async: true) { |job| seen << job.stopping? && job.complete("one") }.work_one
    expect(client.call(name)).to eq("one")
    task = client.submit_job(name)
    eventually { task.handle }
    job = worker.grab_job.value
    seen << job.stopping?
    worker.stop
    seen << job.stopping?
    job.complete
    expect(seen).to eq([false, false, true])
  end

  describe "#grab_job" do
    it "brings a job of a function without handler, to be finished by whoever asked" do
      expect(worker.can_do(name)).to be(worker)
      task = client.submit_job(name, "workload", unique: "key-#{name}")
      eventually { task.handle }
      job = worker.grab_job.value(30)
      expect(job).to be_a(EVGearman::Job)
      expect([job.function, job.workload, job.unique, job.handle]).to eq([name, "workload", "key-#{name}", task.handle])
      expect(job.complete("by hand")).to be(true)
      expect(task.value).to eq("by hand")
    end

    it "tells when there is none" do
      worker.can_do(name)
      expect { worker.grab_job.value(30) }.to raise_error(EVGearman::NoJobError, /\Ano job/)
      told = []
      worker.grab_job { |job, error| told << job << error }
      eventually { told.any? }
      expect(told).to match([nil, EVGearman::NoJobError])
    end

    it "hands the job to its block" do
      worker.can_do(name)
      task = client.submit_job(name, "x")
      eventually { task.handle }
      worker.grab_job { |job, _error| job.complete(job.workload * 2) }
      expect(task.value).to eq("xx")
    end

    it "sends one GRAB_JOB per call" do
      worker.can_do(name)
      3.times { |n| client.submit_job_bg(name, n.to_s).value }
      jobs = Array.new(4) { worker.grab_job }.map { |task| task.wait(30) }
      expect(jobs.map { |task| task.result&.workload }).to eq(["0", "1", "2", nil])
      jobs.filter_map(&:result).each(&:complete)
      settle(worker)
      expect(shared_server.status(name)).to eq([0, 0, 1])
    end

    it "is refused while it works" do
      worker.work
      expect { worker.grab_job }.to raise_error(EVGearman::ConcurrencyError)
    end

    # Fails when the Task is the only one that keeps an unwanted job, and nobody fails it.
    it "fails a job that nobody finished and nobody can finish any more" do
      worker.can_do(name)
      task = client.submit_job(name)
      eventually { task.handle }
      Thread.new { worker.grab_job { |job, _| job.handle } && eventually { worker.busy_count == 1 } }.join
      eventually { GC.start || task.done? }
      expect(task.error).to be_a(EVGearman::JobFailedError)
    end

    it "does not announce CANT_DO behind the back of what it brings" do
      worker.can_do(name)
      task = client.submit_job(name)
      eventually { task.handle }
      grabbed = worker.grab_job
      worker.cant_do(name)
      grabbed.value(30).complete("still mine")
      expect(task.value).to eq("still mine")
      settle(worker)
      expect(shared_server.status(name)[2]).to eq(0)
    end
  end

  describe "#can_do" do
    it "replaces a handler: the work loop fails jobs that nobody handles, and counts them" do
      worker.register_function(name) { "handled" }.work
      expect(client.call(name)).to eq("handled")
      worker.can_do(name)
      expect { client.call(name) }.to raise_error(EVGearman::JobFailedError)
      expect(worker.stats[:refused_jobs]).to eq(1)
    end

    it "knows the server's timeout" do
      server = fake_server
      worker = worker_for(server).can_do("f", server_timeout: 2).connect
      eventually { worker.connected? && server.received.include?([:can_do_timeout, "f", "2000"]) }
      [0.5, -1, "1"].each { |bad| expect { worker.can_do("f", server_timeout: bad) }.to raise_error(ArgumentError) }
    end
  end

  describe "#all_yours" do
    it "sends nothing, and says so once" do
      server = fake_server
      worker = worker_for(server).connect
      eventually { worker.connected? }
      expect { expect(worker.all_yours.all_yours).to be(worker) }.to output(/no known server implements it\n\z/).to_stderr
      expect { worker.all_yours }.not_to output.to_stderr
      worker.echo("x")
      eventually { server.received.any? { |command, _| command == :echo_req } }
      expect(server.received.map(&:first)).not_to include(:all_yours)
    end
  end

  describe "#in_flight" do
    it "is the jobs that are held" do
      worker.register_function(name, async: true) { |_job| nil }
      held = []
      worker.register_function(name, async: true) { |job| held << job }
      expect(worker.in_flight).to eq([])
      tasks = Array.new(2) { client.submit_job(name) }
      2.times { |n| worker.work_one && eventually { held.size == n + 1 } }
      expect(worker.in_flight).to eq(held)
      held[0].complete
      expect(worker.in_flight).to eq([held[1]])
      held[1].fail
      expect(worker.in_flight).to eq([])
      tasks.each { |task| task.wait(30) }
    end

    it "survives compaction" do
      held = []
      worker.register_function(name, async: true) { |job| held << job }.work
      client.submit_job_bg(name)
      eventually { held.any? }
      GC.compact
      expect(worker.in_flight).to eq(held)
      held[0].complete
    end
  end

  describe "#client" do
    it "is a Client on the same connection" do
      worker.register_function(name, &:workload).work
      both = worker.client
      expect([both, both.class]).to eq([worker.client, EVGearman::Client])
      expect(both.call(name, "to myself")).to eq("to myself")
      expect([both.loop, both.state, both.server, both.stats]).to eq([worker.loop, worker.state, worker.server, worker.stats])
    end

    it "is closed with the worker, and the worker with it" do
      worker.client.close
      expect([worker.closed?, worker.client.closed?]).to eq([true, true])
      other = worker_for(shared_server)
      view = other.client
      other.close
      expect { view.echo("x") }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
    end

    it "keeps the connection when the worker is forgotten" do
      view = Thread.new { EVGearman::Worker.new(url: shared_server.url, loop: loop).client }.value
      3.times { GC.start }
      expect(view.echo("here").value).to eq("here")
      view.close
    end
  end
end
