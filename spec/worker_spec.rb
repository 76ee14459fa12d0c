# frozen_string_literal: true

require "open3"
require "socket"

RSpec.describe EVGearman::Worker do
  let(:name) { function }

  # A worker that touches no network.
  def idle(**options) = keep(described_class.new(port: 1, loop: loop, on_error: proc {}, **options))

  describe "#register_function" do
    it "takes exactly one of block and callable" do
      expect(idle.register_function("f") { nil }).to be_a(described_class)
      expect(idle.register_function("f", ->(_) {})).to be_a(described_class)
      expect(idle.register("f", method(:puts))).to be_a(described_class)
      expect { idle.register_function("f") }.to raise_error(ArgumentError)
      expect { idle.register_function("f", "nonsense") }.to raise_error(ArgumentError)
      expect { idle.register_function("f", ->(_) {}) { nil } }.to raise_error(ArgumentError)
      expect { idle.register_function }.to raise_error(ArgumentError)
    end

    ["", "f" * 513, "a\0b", "a\nb", "a\eb"].each do |bad|
      it "refuses #{bad[0, 8].inspect} as a name" do
        expect { idle.register_function(bad) { nil } }.to raise_error(ArgumentError, /function must be/)
        expect { idle.cant_do(bad) }.to raise_error(ArgumentError, /function must be/)
      end
    end

    it "refuses what is no String as a name" do
      [nil, 5, :symbol].each { |bad| expect { idle.register_function(bad) { nil } }.to raise_error(TypeError) }
    end

    it "refuses times that are none" do
      [-1, "1", Float::NAN].each { |time| expect { idle.register_function("f", timeout: time) { nil } }.to raise_error(ArgumentError) }
      [-1, 0.5, "1", 2**31].each { |time| expect { idle.register_function("f", server_timeout: time) { nil } }.to raise_error(ArgumentError) }
    end

    it "refuses an option that it does not know" do
      expect { idle.register_function("f", nonsense: 1) { nil } }.to raise_error(ArgumentError)
    end

    it "is known by its names" do
      worker = idle.register_function("b") { nil }.register_function("a") { nil }.register_function("b") { nil }
      expect(worker.functions.sort).to eq(%w[a b])
      expect(worker.unregister_function("b").functions).to eq(["a"])
      expect(worker.reset_abilities.functions).to eq([])
    end

    it "is announced on every connect, in the unit that the server counts in" do
      server = fake_server
      worker = worker_for(server)
      worker.register_function("plain") { nil }.register_function("timed", server_timeout: 2.5) { nil }
      announced = -> { server.received.select { |command, _| %i[can_do can_do_timeout].include?(command) } }
      worker.connect
      eventually { announced.call.size == 2 }
      expect(announced.call).to contain_exactly([:can_do, "plain"], [:can_do_timeout, "timed", "2500"])
      worker.disconnect.connect
      eventually { announced.call.size == 4 }
    end

    it "replaces the handler of that name" do
      worker = worker_for(shared_server)
      worker.register_function(name) { "old" }.work
      client = client_for(shared_server)
      expect(client.call(name)).to eq("old")
      worker.register_function(name) { "new" }
      expect(client.call(name)).to eq("new")
    end
  end

  describe "#stop" do
    it "refuses a time that is none, and so does shutdown_timeout:" do
      [-1, "1", Float::NAN].each do |time|
        expect { idle.stop(time) }.to raise_error(ArgumentError)
        expect { idle(shutdown_timeout: time) }.to raise_error(ArgumentError, /shutdown_timeout/)
      end
    end
  end

  describe "#work" do
    let(:client) { client_for(shared_server) }
    let(:worker) { worker_for(shared_server) }

    it "may come before connect, and before register" do
      expect(worker.work).to be(worker)
      eventually { worker.connected? }
      task = client.submit_job(name, "abc")
      eventually { task.handle }
      worker.register_function(name) { |job| job.workload.reverse }
      expect(task.value).to eq("cba")
    end

    it "does the jobs of a function that is added while it sleeps" do
      other = function
      worker.register_function(other) { "other" }.work
      expect(client.call(other)).to eq("other")
      task = client.submit_job(name)
      settle(client, worker)
      worker.register_function(name) { "added" }
      expect(task.value).to eq("added")
    end

    it "does what is of high priority first, in the order it came" do
      order = []
      client = client_for(shared_server)
      %i[low normal high].each { |rank| 2.times { |n| client.enqueue(name, "#{rank} #{n}", priority: rank) } }
      worker.register_function(name) { |job| order << job.workload && nil }.work
      eventually { order.size == 6 }
      expect(order).to eq(["high 0", "high 1", "normal 0", "normal 1", "low 0", "low 1"])
    end

    # Fails when the answers of all jobs wait for the end of the turn, and not only those of quick ones.
    it "sends the answer of a slow job before whatever comes next" do
      server = fake_server { |peer| peer.skip_to(:grab_job_uniq) && peer.send(:job_assign_uniq, "H:1", name, "", "") }
      seen = nil
      worker_for(server).register_function(name) do |_job|
        patience = now + Examples::PATIENCE
        loop.post { sleep(0.005) until (seen = server.commands.include?(:work_complete)) || now > patience }
        sleep(0.002) && nil
      end.work
      eventually { !seen.nil? }
      expect(seen).to be(true)
    end

    it "tells when there is nothing left, after a start and after jobs, not for polls" do
      idle = 0
      quick = worker_for(shared_server, poll_interval: 0.02)
      quick.register_function(name) { nil }.work { idle += 1 }
      eventually { idle == 1 }
      loop.run(0.3)
      expect(idle).to eq(1)
      client.call(name)
      eventually { idle == 2 }
    end

    it "goes on telling so under run" do
      client.submit_job(name)
      done = false
      worker.register_function(name) { (done = true) && nil }.work { worker.stop if done }
      expect(worker.run(signals: false)).to eq({ finished: 1, handed_back: [] })
    end

    it "runs one job at a time" do
      running = most = 0
      worker.register_function(name) do |job|
        most = [most, running += 1].max
        job.send_data("x") # a chance to run another
        running -= 1
        nil
      end.work
      Array.new(20) { client.submit_job(name) }.each(&:value)
      expect(most).to eq(1)
    end

    # Fails when answers wait for the end of the turn whatever comes next in it.
    it "sends the answer of a quick job before a slow one begins", server: Gearmand do # which gives out quick ones first
      quick, slow, let_go = function, function, Queue.new
      jobs = [client.submit_job(quick, "1"), client.submit_job(slow), client.submit_job(quick, "2")]
      eventually { jobs.all?(&:handle) }
      worker = EVGearman::Worker.new(url: shared_server.url, loop: EVGearman::Loop.new, prefetch: 3)
      worker.register_function(slow) { |_job| let_go.pop }.register_function(quick, &:workload)
      thread = Thread.new { worker.work.loop.run } # under Worker#run a second thread would write it after a while
      expect([jobs[0], jobs[2]].map { |job| job.value(30) }).to eq(%w[1 2])
      let_go << "slow"
      expect(EVGearman::Task.all(jobs, 30)).to eq(%w[1 slow 2])
    ensure
      let_go.close
      worker&.loop&.stop
      thread&.join
      worker&.close
    end

    it "leaves jobs to others: it holds as many as it runs" do
      held = []
      worker.register_function(name, async: true) { |job| held << job }.work
      tasks = Array.new(3) { |n| client.submit_job(name, n.to_s) }
      eventually { held.size == 1 }
      settle(worker, client)
      expect([held.size, worker.busy_count, worker.idle?, shared_server.status(name)]).to eq([1, 1, false, [3, 1, 1]])
      eventually { held.each { |job| job.complete unless job.finished? } && tasks.all?(&:done?) }
      expect(worker.idle?).to be(true)
    end

    it "runs no job that was lost before its handler began" do
      ran = []
      two = worker_for(shared_server, prefetch: 1)
      two.register_function(name) do |job|
        ran << job.workload
        two.client.echo("").value until two.in_flight.size == 2
        two.disconnect && nil
      end
      jobs = %w[1 2].map { |workload| client.submit_job(name, workload) }
      eventually { jobs.all?(&:handle) }
      two.work
      eventually { ran.any? }
      loop.run(0.05)
      expect(ran).to eq(["1"])
      worker.register_function(name, &:workload).work # who gets them instead
      expect(EVGearman::Task.all(jobs, Examples::PATIENCE)).to eq(%w[1 2])
    end

    it "starts no job inside a block that waits" do
      order = []
      worker.register_function(name) { |job| order << job.workload && nil }
      client.echo("x") do
        worker.work
        task = client.submit_job(name, "job")
        task.wait(0.2)
        order << :block
      end
      eventually { order.size == 2 }
      expect(order).to eq([:block, "job"])
    end

    it "lets a handler wait for an answer" do
      worker.register_function(name) { |job| client.echo("#{job.workload}!").value }.work
      expect(client.call(name, "x")).to eq("x!")
    end

    # gearmand 1.1.20 wakes nobody when a delayed job becomes due.
    it "finds a delayed job though it sleeps" do
      seen = []
      sleeper = worker_for(shared_server, poll_interval: 0.2)
      sleeper.register_function(name) { |job| seen << job.workload && nil }.work { seen << :asleep }
      eventually { seen == [:asleep] }
      client_for(shared_server).enqueue(name, "due", in: 1)
      eventually { seen.include?("due") }
    end

    it "knows the unique key of a job, unless it does not ask for it" do
      keys = []
      worker.register_function(name) { |job| keys << job.unique && nil }.work
      client.call(name, unique: "the key")
      client.call(name)
      worker.close
      worker_for(shared_server, grab_unique: false).register_function(name) { |job| keys << [job.unique] && nil }.work
      client.call(name, unique: "the key")
      expect(keys).to eq(["the key", nil, [nil]])
    end
  end

  describe "#work_stop" do
    let(:client) { client_for(shared_server) }

    it "asks for no more, runs what is held, and can be taken back" do
      held = []
      worker = worker_for(shared_server).register_function(name, async: true) { |job| held << job }.work
      tasks = Array.new(2) { |n| client.submit_job(name, n.to_s) }
      eventually { held.size == 1 }
      expect(worker).to be_working
      expect(worker.work_stop).to be(worker)
      expect(worker).not_to be_working
      expect(held[0]).to be_stopping
      held[0].complete("first")
      expect(tasks[0].value).to eq("first")
      settle(worker, client)
      expect(held.size).to eq(1)
      worker.work
      eventually { held.size == 2 }
      held[1].complete("second")
      expect(tasks[1].value).to eq("second")
    end

    it "is what disconnect does too" do
      worker = worker_for(shared_server).register_function(name) { "x" }.work
      expect(client.call(name)).to eq("x")
      worker.disconnect
      task = client.submit_job(name)
      worker.connect
      eventually { worker.connected? }
      settle(worker, client)
      expect(task).not_to be_done
      worker.work
      expect(task.value).to eq("x")
    end
  end

  describe "what the server is told" do
    let(:client) { client_for(shared_server) }

    # gearmand queues the jobs of a function again, as soon as it hears CANT_DO.
    it "waits, when a job takes back its own function, for that job" do
      runs = 0
      worker = worker_for(shared_server)
      worker.register_function(name) do |job|
        runs += 1
        worker.cant_do(name)
        job.workload
      end.work
      tasks = Array.new(3) { |n| client.submit_job(name, n.to_s) }
      expect(tasks.first.value).to eq("0")
      settle(worker, client)
      expect([runs, shared_server.status(name)]).to eq([1, [2, 0, 0]])
      worker.register_function(name) { |job| "again #{job.workload}" }
      expect(tasks.drop(1).map(&:value)).to eq(["again 1", "again 2"])
    end

    it "waits, when a job resets the abilities, for that job" do
      worker = worker_for(shared_server)
      other = function
      worker.register_function(other) { "other" }
      worker.register_function(name) { |_| worker.reset_abilities && "done" }.work
      expect(client.call(name)).to eq("done")
      settle(worker)
      expect([shared_server.status(name)[2], shared_server.status(other)[2]]).to eq([0, 0])
    end
  end

  describe "timeouts" do
    let(:client) { client_for(shared_server) }
    let(:worker) { worker_for(shared_server, on_callback_error: ->(error, where) { told << [error.message, where] }) }
    let(:told) { [] }

    it "fail an async job when its time is up, and its late answer is not sent" do
      held = nil
      worker.register_function(name, async: true, timeout: 0.1) { |job| held = job }.work
      expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to eq("timed out after 0.1 s") }
      expect([held.complete("late"), held.lost?, worker.busy_count]).to eq([false, false, 0])
      eventually { told.any? }
      expect(told).to eq([["job timeout: timed out after 0.1 s, of #{name} #{held.handle} (#{worker.server})", "job #{name} #{held.handle}"]])
      expect(client.echo("aligned").value).to eq("aligned")
      expect(worker.stats[:ignored_packets]).to eq(0)
    end

    it "judge a sync handler when it returns, and drop its result" do
      worker.register_function(name, timeout: 0.05) { sleep(0.15) && "late" }.work
      expect { client.call(name) }.to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to eq("timed out after 0.05 s") }
      settle(worker)
      expect(worker.stats[:ignored_packets]).to eq(0)
      expect(told.map(&:first)).to match([start_with("job timeout: timed out after 0.05 s, of #{name} H:")])
    end

    it "say nothing to the client when exceptions are off" do
      silent = worker_for(shared_server, exceptions: false, on_callback_error: ->(error, _) { told << error.class })
      silent.register_function(name, async: true, timeout: 0.05) { nil }.work
      expect { client.call(name) }.to raise_error(EVGearman::JobFailedError)
      eventually { told == [EVGearman::JobTimeoutError] }
    end

    it "are off unless they are given" do
      worker.register_function(name) { sleep(0.05) && "in its own time" }.work
      expect(client.call(name)).to eq("in its own time")
    end

    # The ancestor sent them as they were, and gearmand took them for milliseconds.
    it "of the server are in seconds" do
      worker.register_function(name, server_timeout: 5) { sleep(1.3) && "in time" }.work
      expect(client.call(name)).to eq("in time")
      expect(worker.stats[:ignored_packets]).to eq(0)
    end

    it "of the server may pass: the late answer disturbs nobody" do
      server = own_server
      runs = 0
      late = worker_for(server).register_function(name, server_timeout: 1) { (runs += 1) == 1 ? sleep(2) && "late" : "again" }.work
      expect(client_for(server).call(name)).to eq("again")
      expect(late.echo("aligned").value).to eq("aligned")
    end
  end

  describe "#run" do
    let(:client) { client_for(shared_server, loop: EVGearman::Loop.new) }

    it "works until it is stopped, then closes and says what it did" do
      worker = worker_for(shared_server).register_function(name, &:workload)
      running = Thread.new { worker.run(signals: false) }
      expect(client.call(name, "x")).to eq("x")
      expect(client.call(name, "y")).to eq("y")
      expect(worker.stop).to be(worker)
      expect(running.value).to eq(finished: 2, handed_back: [])
      expect(worker).to be_closed
    end

    it "finishes what it holds" do
      worker = worker_for(shared_server)
      worker.register_function(name) { |job| worker.stop && job.workload.upcase }
      running = Thread.new { worker.run(signals: false) }
      expect(client.call(name, "x")).to eq("X")
      expect(running.value).to eq(finished: 1, handed_back: [])
    end

    it "finishes async jobs while it is being stopped" do
      worker = worker_for(shared_server)
      worker.register_function(name, async: true) do |job|
        worker.stop
        loop.after(0.05) { job.complete("after the stop") }
      end
      running = Thread.new { worker.run(signals: false) }
      expect(client.call(name)).to eq("after the stop")
      expect(running.value).to eq(finished: 1, handed_back: [])
    end

    it "hands back what takes longer than shutdown_timeout: another worker gets it" do
      worker = worker_for(shared_server, shutdown_timeout: 0.05)
      worker.register_function(name, async: true) { worker.stop }
      running = Thread.new { worker.run(signals: false) }
      task = client.submit_job(name, "x")
      # The client's loop needs somebody to turn it.
      eventually { client.loop.run_once(0.01) || !running.alive? }
      expect(running.value).to eq(finished: 0, handed_back: [task.handle])
      other = worker_for(shared_server, loop: client.loop).register_function(name) { "by another" }
      other.work
      expect(task.value).to eq("by another")
    end

    # Fails when what is held when the time is over is told, and not what is lost: another thread may have been quicker.
    it "does not hand back what is finished at the last moment" do
      worker = worker_for(shared_server, shutdown_timeout: 0.05)
      held = nil
      worker.register_function(name, async: true) { |job| (held = job) && worker.stop }
      worker.define_singleton_method(:close) { |*time| (held.finished? || held.complete("in time")) && super(*time) }
      running = Thread.new { worker.run(signals: false) }
      expect(client.call(name, timeout: Examples::PATIENCE)).to eq("in time")
      expect(running.value).to eq(finished: 1, handed_back: [])
    end

    # Fails when it closes as soon as no job is held: what the kernel has not taken by then is cut off.
    [false, true].each do |async|
      it "writes what it finished before it closes, however long that is#{", async" if async}" do
        worker = worker_for(shared_server)
        worker.register_function(name, async: async) do |job|
          worker.stop
          (job.workload * (32 << 20)).tap { |result| loop.post { job.complete(result) } if async }
        end
        running = Thread.new { worker.run(signals: false) }
        expect(client.call(name, "x", timeout: Examples::PATIENCE).bytesize).to eq(32 << 20)
        expect(running.value).to eq(finished: 1, handed_back: [])
      end
    end

    # Fails when nil is as 0: its jobs would be handed back at once, and run twice.
    [-> { stop(nil) }, -> { stop }].each do |stop|
      it "waits for as long as it takes when there is no limit" do
        worker = worker_for(shared_server, shutdown_timeout: nil)
        worker.register_function(name, async: true) do |job|
          worker.instance_exec(&stop)
          loop.after(0.1) { job.complete("done") }
        end
        running = Thread.new { worker.run(signals: false) }
        expect(client.call(name, timeout: Examples::PATIENCE)).to eq("done")
        expect(running.value).to eq(finished: 1, handed_back: [])
      end
    end

    # Fails when a worker that has no server, and looks for none, is run for ever.
    context "without prospects" do
      let(:quick) { { reconnect_delay: 0.01, reconnect_max_delay: 0.02 } }
      let(:away) { fake_server.tap(&:close) }

      def raised(server, **options, &meanwhile)
        worker = worker_for(server, **options).register_function(name) { nil }
        running = Thread.new { worker.run(signals: false) }
        running.report_on_exception = false
        meanwhile&.call(worker)
        running.join(Examples::PATIENCE) && nil
      rescue EVGearman::Error => e
        expect(worker).to be_closed
        e
      end

      it "raises the error that ended it, when reconnecting is off" do
        expect(raised(away, reconnect: false)).to be_a(EVGearman::ConnectError)
        closing = fake_server(&:close)
        expect(raised(closing, reconnect: false)).to be_a(EVGearman::DisconnectedError)
      end

      it "raises ReconnectExhaustedError, when its attempts are used up" do
        expect(raised(away, max_reconnect_attempts: 3, **quick)).to be_a(EVGearman::ReconnectExhaustedError)
      end

      it "raises the last error, when reconnecting is turned off while it waits" do
        error = raised(away, reconnect_delay: 600, reconnect_max_delay: 600) do |worker|
          eventually { worker.state == :waiting }
          worker.reconnect(false)
        end
        expect(error).to be_a(EVGearman::ConnectError)
      end

      it "goes on when on_error finds it another server" do
        worker = worker_for(away, reconnect: false).register_function(name, &:workload)
        worker.on_error { worker.connect("127.0.0.1", shared_server.port) }
        running = Thread.new { worker.run(signals: false) }
        expect(client.call(name, "x", timeout: Examples::PATIENCE)).to eq("x")
        worker.stop
        expect(running.value).to eq(finished: 1, handed_back: [])
      end
    end

    # Fails when a second TERM puts off the end: somebody who sends one each second would wait for ever.
    it "is not put off by a second stop, but may be hastened" do
      [[0.05, 600], [600, 0]].each do |first, second|
        worker = worker_for(shared_server)
        worker.register_function(name, async: true) { worker.stop(first).stop(second) }
        client.enqueue(name)
        expect(Thread.new { worker.run(signals: false) }.join(Examples::PATIENCE)&.value).to match(finished: 0, handed_back: [String])
      end
    end

    # Fails when a worker is stopped by stopping its loop.
    it "goes on when another worker of its loop is stopped, and so does a run of that loop" do
      others = function
      first = worker_for(shared_server).register_function(name, &:workload)
      second = worker_for(shared_server).register_function(others, &:workload)
      running = [first, second].map { |worker| Thread.new { worker.run(signals: false) } }
      plain = Thread.new { loop.run }
      expect([client.call(name, "x"), client.call(others, "y")]).to eq(%w[x y])
      first.stop
      expect(running[0].value).to eq(finished: 1, handed_back: [])
      expect(client.call(others, "z")).to eq("z")
      second.stop
      expect(running[1].value).to eq(finished: 2, handed_back: [])
      loop.stop
      expect(plain.value).to be(true)
    end

    # Fails when the run that began last on a thread is taken for the one that is to end.
    it "goes on in its fiber when the worker of another is stopped" do
      first, second = Array.new(2) { worker_for(shared_server) }
      results = []
      Thread.new do
        Fiber.set_scheduler(SmallScheduler.new)
        [first, second].each { |worker| Fiber.schedule { results << [worker, worker.run(signals: false)] } }
        Fiber.schedule do
          sleep(0.01) until [first, second].all?(&:connected?)
          first.stop
          sleep(0.01) until results.any?
          second.stop
        end
      end.join
      expect(results.map(&:first)).to eq([first, second])
    end

    # Fails when it waits for the answers of a server that is not there.
    it "ends when it is stopped while its server is away, and while that says nothing" do
      away = worker_for(fake_server.tap(&:close), reconnect_delay: 600, reconnect_max_delay: 600, shutdown_timeout: 600)
      mute = worker_for(fake_server(prologue: false, &:stall), shutdown_timeout: 600)
      [[away, :waiting], [mute, :connected]].each do |worker, state|
        worker.register_function(name) { nil }
        running = Thread.new { worker.run(signals: false) }
        eventually { worker.state == state }
        worker.stop
        expect(running.join(Examples::PATIENCE)&.value).to eq(finished: 0, handed_back: [])
      end
    end

    # Fails when what waits for a connection keeps it, for as long as the jobs of a server that is there might.
    it "leaves unwritten what was asked of a server that is away" do
      worker = worker_for(fake_server.tap(&:close), command_timeout: nil, shutdown_timeout: nil)
      task = worker.client.submit_job_bg(name)
      running = Thread.new { worker.run(signals: false) }
      eventually { errors.any? }
      worker.stop
      expect(running.join(Examples::PATIENCE)&.value).to eq(finished: 0, handed_back: [])
      expect(task.error.delivery).to eq(:not_sent)
    end

    # Fails when only `stop` ends it: a closed worker would be run for ever.
    %i[worker client].each do |which|
      it "ends when its #{which} is closed by another thread" do
        worker = worker_for(shared_server).register_function(name, &:workload)
        running = Thread.new { worker.run(signals: false) }
        expect(client.call(name, "x")).to eq("x")
        expect((which == :worker ? worker : worker.client).close).to be_nil
        expect(running.join(Examples::PATIENCE)&.value).to eq(finished: 1, handed_back: [])
      end
    end

    # Fails when a stop is forgotten because the thread that runs has not come so far, or is undone by it.
    it "ends at once when it was stopped before it began" do
      worker = worker_for(shared_server, shutdown_timeout: 600)
      worker.stop
      expect(Thread.new { worker.run(signals: false) }.join(30)&.value).to include(handed_back: [])
    end

    it "may be stopped before anything happened" do
      worker = worker_for(shared_server)
      loop.post { worker.stop }
      expect(worker.run(signals: false)).to eq(finished: 0, handed_back: [])
    end

    it "restores the traps, and closes, whatever ends it" do
      handler = proc {}
      old = trap("TERM", handler)
      worker = worker_for(shared_server)
      loop.post { raise Exception, "out" }
      expect { worker.run }.to raise_error(Exception, "out")
      expect(worker).to be_closed
      expect(trap("TERM", old)).to be(handler)
    end

    it "ends at TERM: drains, hands back nothing, exits by itself" do
      script = <<~RUBY
        trap("TERM") { puts "the old trap" }
        worker = EVGearman::Worker.new(url: "#{shared_server.url}")
        worker.register_function("#{name}") { |job| Process.kill("TERM", Process.pid); sleep(0.1); job.workload.upcase }
        p worker.run
        Process.kill("TERM", Process.pid)
        sleep(0.1)
      RUBY
      lib = $LOAD_PATH.grep(%r{lib\z|evgearman}).flat_map { |dir| ["-I", dir] }
      out = Open3.popen2(RbConfig.ruby, *lib, "-revgearman", "-e", script) do |_, stdout, _|
        expect(client.call(name, "x", timeout: Examples::PATIENCE)).to eq("X")
        stdout.read
      end
      expect(out.lines).to eq(["the old trap\n", { finished: 1, handed_back: [] }.inspect + "\n", "the old trap\n"])
    end
  end

  it "may be a client too: both in one" do
    worker = worker_for(shared_server)
    worker.register_function(name) { |job| worker.echo(job.workload).value }.work
    expect(client_for(shared_server).call(name, "x")).to eq("x")
  end

  it "shows itself" do
    expect(idle.inspect).to eq("#<EVGearman::Worker 127.0.0.1:1 idle pending=0 active=0>")
  end
end
