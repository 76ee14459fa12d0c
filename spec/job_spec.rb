# frozen_string_literal: true

require "timeout"

RSpec.describe EVGearman::Job do
  let(:name) { function }

  describe "under a handler" do
    let(:client) { client_for(shared_server) }
    let(:worker) { worker_for(shared_server) }

    # The outcome of one job that is given to this handler.
    def outcome(on: worker, **options, &handler)
      on.register_function(name, &handler).work
      @task = client.submit_job(name, "workload", **options)
      @task.wait(Examples::PATIENCE)
    end

    it "knows what is to be done" do
      seen = nil
      outcome(unique: "key") do |job|
        names = %i[handle function unique workload data worker finished? lost? stopping? inspect]
        seen = names.to_h { |name| [name, job.public_send(name)] }
        nil
      end
      handle = seen[:handle]
      expect(handle).to match(/\AH:.+:\d+\z/)
      expect(seen).to include(function: name, unique: "key", workload: "workload", data: "workload", worker: worker,
                              finished?: false, lost?: false, stopping?: false,
                              inspect: "#<EVGearman::Job #{name} #{handle}>")
      expect([seen[:workload].encoding, seen[:function].encoding]).to eq([Encoding::BINARY, Encoding::UTF_8])
    end

    it "knows for how long it has been held" do
      elapsed = []
      outcome { |job| elapsed << job.elapsed << (sleep(0.01) && job.elapsed) && nil }
      expect(elapsed).to all(be_a(Float))
      expect(elapsed[1] - elapsed[0]).to be >= 0.01
    end

    describe "whose value" do
      it "is a String: that is the result" do
        expect(outcome { "result" }.value).to eq("result")
      end

      it "is nil: the result is empty" do
        expect(outcome { nil }.value).to eq("")
      end

      it "turns into a String: that is the result" do
        expect(outcome { Struct.new(:to_str).new("like a string") }.value).to eq("like a string")
      end

      [5, :symbol, true, false, [], Object.new].each do |value|
        it "is a #{value.class}: that is a mistake, and fails the job" do
          told = []
          worker.on_callback_error { |error, where| told << [error.class, where] }
          expect(outcome { value }.error).to be_a(EVGearman::JobExceptionError)
            .and have_attributes(data: "a handler's value must be a String or nil, not #{value.class}")
          expect(told).to eq([[TypeError, "job #{name} #{@task.handle}"]])
        end
      end

      it "is ignored when the handler answered itself" do
        expect(outcome { |job| job.complete("itself") && 42 }.value).to eq("itself")
      end
    end

    describe "that fails" do
      let(:told) { [] }

      before { worker.on_callback_error { |error, where| told << [error.class, error.message, where] } }

      it "fails its job with the message, and the worker goes on" do
        error = outcome { raise ArgumentError, "no such thing" }.error
        expect(error).to have_attributes(class: EVGearman::JobExceptionError, data: "no such thing")
        expect(told).to eq([[ArgumentError, "no such thing", "job #{name} #{@task.handle}"]])
        expect(outcome { "next" }.value).to eq("next")
      end

      [NotImplementedError, SecurityError, NoMemoryError, SystemStackError, Exception].each do |error_class|
        it "fails its job with #{error_class} too, and the worker goes on" do
          expect(outcome { raise error_class, "not yet" }.error).to have_attributes(data: "not yet")
          expect(told).to eq([[error_class, "not yet", "job #{name} #{@task.handle}"]])
          expect(outcome { "next" }.value).to eq("next")
          expect(worker.stats[:reconnects]).to eq(0)
        end
      end

      it "fails its job when the stack is full, and an asynchronous one" do
        deep = ->(n) { deep.(n + 1) }
        expect(outcome { deep.(0) }.error).to have_attributes(data: /stack level too deep/)
        worker.register_function(name, async: true) { deep.(0) }
        expect(client.submit_job(name).wait.error).to have_attributes(data: /stack level too deep/)
        expect(told.map(&:first)).to eq([SystemStackError, SystemStackError])
        expect(worker.stats[:reconnects]).to eq(0)
      end

      it "sends the bytes of the message, at most 64 KiB" do
        expect(outcome { raise "ä\0#{"x" * 100_000}" }.error.data).to eq("ä\0#{"x" * 100_000}".b[0, 64 * 1024])
      end

      it "says nothing when exceptions are off" do
        silent = worker_for(shared_server, exceptions: false, on_callback_error: ->(error, _) { told << error.message })
        expect(outcome(on: silent) { raise "secret" }.error).to be_a(EVGearman::JobFailedError)
        expect(told).to eq(["secret"])
      end

      it "does not change an answer that was given before" do
        expect(outcome { |job| job.complete("done") && raise("too late") }.value).to eq("done")
        eventually { told == [[RuntimeError, "too late", "job #{name} #{@task.handle}"]] }
      end

      it "may have an error whose message fails itself" do
        error_class = Class.new(StandardError) { def message = raise("no message") }
        expect(outcome { raise error_class }.error).to be_a(EVGearman::JobError)
        expect(outcome { "next" }.value).to eq("next")
      end
    end

    describe "that is left by what is not meant for it" do
      { "exit" => [-> { exit(7) }, SystemExit], "a signal" => [-> { raise(SignalException, "HUP") }, SignalException],
        "Interrupt" => [-> { raise Interrupt }, Interrupt] }.each do |what, (leaving, error_class)|
        it "hands the job back by closing, and #{what} goes on to whoever runs the loop" do
          runs = 0
          worker.register_function(name) { (runs += 1) == 1 ? leaving.call : "second run" }
          worker.work
          task = client.submit_job(name)
          expect { task.wait }.to raise_error(error_class)
          expect(task.wait(Examples::PATIENCE).value).to eq("second run")
          expect(errors.map { |error| short(error) }).to eq(["disconnected: jobs are handed back"])
        end
      end

      it "does the same for what newer Rubies raise at the end of a Timeout" do
        stub_const("Timeout::ExitException", Class.new(Exception)) # rubocop:disable Lint/InheritException
        runs = 0
        worker.register_function(name) { (runs += 1) == 1 ? raise(Timeout::ExitException) : "second run" }.work
        task = client.submit_job(name)
        expect { task.wait }.to raise_error(Timeout::ExitException)
        expect(task.wait(Examples::PATIENCE).value).to eq("second run")
      end

      it "does the same for a Timeout around whoever drives" do
        runs = 0
        worker.register_function(name) { (runs += 1) == 1 ? sleep : "second run" }.work
        task = client.submit_job(name)
        expect { Timeout.timeout(0.2) { task.wait } }.to raise_error(Timeout::Error)
        expect(task.wait(Examples::PATIENCE).value).to eq("second run")
      end

      it "does the same for throw" do
        runs = 0
        worker.register_function(name) { (runs += 1) == 1 ? throw(:out, :thrown) : "second run" }.work
        task = client.submit_job(name)
        expect(catch(:out) { task.wait }).to eq(:thrown)
        expect(task.wait(Examples::PATIENCE).value).to eq("second run")
      end
    end
  end

  describe "#complete, #fail, #exception" do
    let(:client) { client_for(shared_server) }
    let(:worker) { worker_for(shared_server) }

    # A job that is held, and the client's Task of it.
    def hold
      held = []
      worker.register_function(name, async: true) { |job| held << job }.work
      task = client.submit_job(name, "workload")
      [eventually { held.first }, task]
    end

    it "end a job: with a result" do
      job, task = hold
      expect(job.complete("result\0")).to be(true)
      expect(task.value).to eq("result\0")
    end

    it "end a job: with an empty result" do
      job, task = hold
      expect(job.complete).to be(true)
      expect(task.value).to eq("")
    end

    it "end a job: by failure" do
      job, task = hold
      expect(job.fail).to be(true)
      expect(task.wait.error).to be_a(EVGearman::JobFailedError)
    end

    it "end a job: with what went wrong, as String or Exception" do
      job, task = hold
      expect(job.exception("what\0went wrong")).to be(true)
      expect(task.wait.error.data).to eq("what\0went wrong")
      job, task = hold
      expect(job.exception(ArgumentError.new("bad"))).to be(true)
      expect(task.wait.error.data).to eq("bad")
    end

    it "refuse what is no String" do
      job, task = hold
      [nil, 5, :symbol].each { |value| expect { job.complete(value) }.to raise_error(TypeError) }
      [nil, 5, :symbol].each { |value| expect { job.exception(value) }.to raise_error(TypeError) }
      expect { job.complete("a", "b") }.to raise_error(ArgumentError)
      expect(job.complete("still possible")).to be(true)
      expect(task.value).to eq("still possible")
    end

    # The server would answer JOB_NOT_FOUND, which is nobody's reply.
    %i[complete fail].product(%i[complete fail]).each do |first, second|
      it "happen once: #{second} after #{first} raises, and sends nothing" do
        job, task = hold
        job.public_send(first)
        settle(worker)
        before = worker.stats[:packets_out]
        expect { job.public_send(second) }.to raise_error(EVGearman::JobFinishedError, /\Ajob already finished/)
        expect { job.exception("x") }.to raise_error(EVGearman::JobFinishedError)
        [-> { job.send_data("x") }, -> { job.warning("x") }, -> { job.status(1, 2) }].each do |late|
          expect(&late).to raise_error(EVGearman::JobFinishedError)
        end
        expect(worker.stats[:packets_out]).to eq(before)
        task.wait
        settle(worker)
        expect(worker.stats[:ignored_packets]).to eq(0)
        expect(job).to be_finished
      end
    end

    it "may be said from a timer" do
      worker.register_function(name, async: true) { |job| loop.after(0.02) { job.complete("by timer") } }.work
      expect(client.call(name)).to eq("by timer")
    end

    it "may be said from another thread, which wakes the loop" do
      worker.register_function(name, async: true) { |job| Thread.new { sleep(0.02) && job.complete("by thread") } }.work
      expect(client.call(name)).to eq("by thread")
    end

    it "may be said by somebody else's handler" do
      first = nil
      other = function
      worker.register_function(name, async: true) { |job| first = job }
      worker_for(shared_server).register_function(other) { first.complete("by another") && "done" }.work
      worker.work
      task = client.submit_job(name)
      eventually { first }
      expect([client.call(other), task.value]).to eq(["done", "by another"])
    end
  end

  describe "progress" do
    let(:client) { client_for(shared_server) }

    def held_job
      held = []
      worker_for(shared_server).register_function(name, async: true) { |job| held << job }.work
      @task = client.submit_job(name)
      eventually { held.first }
    end

    it "is written at once, from inside a running handler" do
      seen = Queue.new
      listener = client_for(shared_server, loop: EVGearman::Loop.new)
      worker_for(shared_server).register_function(name) do |job|
        job.send_data("halfway")
        seen.pop # the handler goes on when the client has heard of it
      end.work
      task = listener.submit_job(name, on_data: ->(bytes) { seen << bytes })
      listening = Thread.new { task.value(Examples::PATIENCE) }
      eventually { !listening.alive? }
      expect(listening.value).to eq("halfway")
    end

    it "is two whole numbers from 0 to 2**32 - 1" do
      job = held_job
      [[-1, 1], [1, -1], [2**32, 1], [1, 2**32], [0.5, 1], ["1", 2], [nil, 1], [2**64, 1]].each do |numbers|
        expect { job.status(*numbers) }.to raise_error(ArgumentError)
      end
      expect(job.status(0, 2**32 - 1)).to be(true)
      job.complete
      @task.value
      expect(@task.progress).to eq([0, 2**32 - 1])
    end

    it "is bytes" do
      job = held_job
      [nil, 5].each do |value|
        expect { job.send_data(value) }.to raise_error(TypeError)
        expect { job.warning(value) }.to raise_error(TypeError)
      end
      expect([job.send_data(""), job.warning("\0")]).to eq([true, true])
    end
  end

  describe "that nobody holds any more" do
    # In a method of its own: the stack of the example must not keep it.
    def forget(jobs) = jobs.clear

    it "fails in the next turn" do
      held = []
      worker_for(shared_server).register_function(name, async: true) { |job| held << job }.work
      task = client_for(shared_server).submit_job(name)
      eventually { held.any? }
      forget(held)
      eventually do
        GC.start
        task.done?
      end
      expect(task.error).to be_a(EVGearman::JobFailedError)
    end
  end

  describe "whose server dies" do
    let(:server) { own_server }
    let(:quick) { { reconnect_delay: 0.01, reconnect_max_delay: 0.05 } }

    # Handles begin anew with a server: the old answer would be given to the new client.
    it "is lost: its answer is never sent, and the next client gets his own" do
      jobs = []
      lost = []
      worker = worker_for(server, **quick)
      worker.register_function(name, async: true) { |job| jobs << job.on_lost { lost << job } }.work
      task = client_for(server, reconnect: false).submit_job(name, "of customer 1")
      eventually { jobs.any? }
      server.kill
      eventually { lost.any? }
      expect(task.wait.error).to be_a(EVGearman::DisconnectedError)
      server.restart
      second = client_for(server, **quick).submit_job(name, "of customer 2")
      eventually { jobs.size == 2 }
      expect(jobs.map(&:handle).uniq.size).to eq(1)
      expect([jobs[0].complete("secret of customer 1"), jobs[0].lost?, jobs[0].finished?]).to eq([false, true, true])
      expect { jobs[0].complete }.to raise_error(EVGearman::JobFinishedError)
      expect(jobs[1].complete("answer for customer 2")).to be(true)
      expect(second.value).to eq("answer for customer 2")
      expect([lost, worker.stats[:ignored_packets]]).to eq([[jobs[0]], 0])
    end

    it "knows it while its handler runs" do
      seen = nil
      worker = worker_for(server, reconnect: false)
      worker.register_function(name) do |job|
        server.kill
        loop.run_once(0.02) until job.lost?
        seen = [job.send_data("x"), job.status(1, 2), job.complete("x")]
        nil
      end
      worker.work
      client_for(server, reconnect: false).submit_job(name)
      eventually { seen }
      expect(seen).to eq([false, false, false])
    end

    it "is lost by our own disconnect, too" do
      job = nil
      lost = 0
      worker = worker_for(server)
      worker.register_function(name, async: true) { |given| job = given.on_lost { lost += 1 } }.work
      client_for(server).submit_job(name)
      eventually { job }
      worker.disconnect
      expect([job.lost?, lost]).to eq([true, 0])
      eventually { lost == 1 }
      expect(job.complete("x")).to be(false)
    end

    it "tells nothing of the kind when it was answered before" do
      job = nil
      lost = 0
      worker = worker_for(server)
      worker.register_function(name, async: true) { |given| (job = given.on_lost { lost += 1 }).complete("done") }.work
      expect(client_for(server).call(name)).to eq("done")
      worker.disconnect
      loop.run(0.02)
      expect([lost, job.lost?]).to eq([0, false])
    end
  end

  describe "of Perl's server, which knows fewer packets" do
    # A server that refuses what it does not know, in the words of Perl's.
    def perl_server(&script)
      fake_server(greeting: "v1.130.1\n") do |peer|
        peer.expect(:can_do)
        peer.expect(:grab_job)
        peer.send(:job_assign, "H:1", "f", "workload")
        script.call(peer)
      end
    end

    it "sends no data and no warnings: their ERROR could be taken for the reply to something else" do
      ended = Queue.new
      server = perl_server { |peer| ended << [peer.expect(:work_status), peer.expect(:work_complete)] }
      told = []
      worker_for(server).register_function("f") do |job|
        %i[send_data warning].each do |packet|
          job.public_send(packet, "x")
        rescue EVGearman::UnsupportedCommandError => e
          told << short(e)
        end
        job.status(1, 2) && "done"
      end.work
      eventually { !ended.empty? }
      expect([told, ended.pop]).to eq([["unsupported command"] * 2, [%w[H:1 1 2], %w[H:1 done]]])
    end
  end

  it "cannot be made by hand" do
    expect { described_class.new }.to raise_error(TypeError)
    expect { described_class.allocate }.to raise_error(TypeError)
  end
end
