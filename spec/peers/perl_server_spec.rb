# frozen_string_literal: true

# It is older than gearmand, and knows less: no data, no warnings, no low priority, no delayed jobs, no GRAB_JOB_UNIQ.
RSpec.describe "Perl's Gearman::Server" do
  before { require_perl_server }

  let(:server) { PerlServer.shared }
  let(:client) { client_for(server) }
  let(:worker) { worker_for(server, on_callback_error: ->(*) {}) }
  let(:name) { function }

  def call(workload = "", **options) = client.call(name, workload, timeout: Examples::PATIENCE, **options)

  # It says no to each of these, and the connection goes on.
  def expect_unsupported
    yield.each do |task|
      expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::UnsupportedCommandError)
    end
    settle(client)
    expect(client.stats[:reconnects]).to eq(0)
  end

  # The jobs that our worker is given from now on; it finishes none.
  def hold
    held = []
    worker.register_function(name, async: true) { |job| held << job }.work
    held
  end

  it "is known by its version" do
    settle(client, worker)
    expect([client.dialect, worker.dialect]).to eq(%i[perl perl])
    expect(client.server_version.value).to match(/\Av\d/)
  end

  it "is known again when it comes back" do
    server = own_perl_server
    client = client_for(server, reconnect_delay: 0.05)
    worker = worker_for(server, reconnect_delay: 0.05)
    worker.register_function(name, server_timeout: 60) { |job| job.workload.reverse }.work
    settle(client, worker)
    server.kill
    eventually { errors.size >= 2 }
    server.restart
    expect(client.call(name, "abc", timeout: Examples::PATIENCE)).to eq("cba")
    expect([client.dialect, worker.dialect]).to eq(%i[perl perl])
  end

  describe "between our client and our worker" do
    Peers::PAYLOADS.each do |what, payload|
      it "carries #{what} there and back" do
        worker.register_function(name) { |job| job.workload.reverse }.work
        expect(call(payload)).to eq(payload.reverse)
      end
    end

    it "tells how far a job is" do
      worker.register_function(name) { |job| job.status(1, 2) && "done" }.work
      told = []
      expect(call(on_status: ->(*numbers) { told << numbers })).to eq("done")
      expect(told).to eq([%w[1 2]])
    end

    it "tells of a failure" do
      worker.register_function(name, &:fail).work
      expect { call }.to raise_error(EVGearman::JobFailedError)
    end

    # WORK_EXCEPTION does not end a job here: WORK_FAIL has to follow.
    it "tells what an exception said, once, and ends the job" do
      worker.register_function(name) { raise "no such luck" }.work
      told = []
      expect { call(on_exception: ->(data) { told << data }) }
        .to raise_error(EVGearman::JobExceptionError) { |error| expect(error.data).to eq("no such luck") }
      expect(told).to eq(["no such luck"])
      expect(client.server_status.value[name].to_a).to eq([name, 0, 0, 1])
    end

    it "tells only of a failure to a client that asked for no exceptions" do
      worker.register_function(name) { raise "no such luck" }.work
      task = client_for(server, exceptions: false).submit_job(name)
      expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
    end

    it "runs jobs of the background" do
      held = hold
      handle = client.enqueue(name, "x")
      eventually { held.any? }
      expect(held.first).to have_attributes(handle: handle, workload: "x", unique: nil)
    end

    it "runs once what has one key, or with - one workload" do
      %w[key -].each do |key|
        tasks = [client, client_for(server)].flat_map do |ours|
          Array.new(2) { ours.submit_job("#{name}#{key}", "x", unique: key, timeout: Examples::PATIENCE) }
        end
        eventually { tasks.all?(&:handle) }
        expect(tasks.map(&:handle).uniq.size).to eq(1)
        ran = 0
        worker.register_function("#{name}#{key}") { |job| (ran += 1) && job.workload }.work
        expect(EVGearman::Task.all(tasks)).to eq(["x"] * 4)
        expect(ran).to eq(1)
      end
    end

    # Of two with high priority the later one.
    it "runs high priority first" do
      client.enqueue(name, "normal")
      tasks = %w[high higher].map { |workload| client.submit_job_high(name, workload) }
      eventually { tasks.all?(&:handle) }
      ran = []
      worker.register_function(name) { |job| (ran << job.workload) && nil }.work
      eventually { ran.size == 3 }
      expect(ran).to eq(%w[higher high normal])
    end

    it "takes no data and no warnings from a worker, whose job may go on" do
      errors = []
      worker.register_function(name) do |job|
        %i[send_data warning].each { |report| job.public_send(report, "x") rescue errors << $! }
        "all the same"
      end.work
      expect(call).to eq("all the same")
      expect(errors).to all be_a(EVGearman::UnsupportedCommandError)
      expect(errors.size).to eq(2)
      expect(worker.stats[:reconnects]).to eq(0)
    end

    # In seconds: in milliseconds it would be a quarter of an hour.
    it "fails a job that is longer than its server_timeout" do
      worker.register_function(name, server_timeout: 1, async: true) { nil }.work
      expect { call }.to raise_error(EVGearman::JobFailedError)
    end

    it "fails the jobs of a worker that leaves, and gives them to nobody else" do
      held = hold
      task = client.submit_job(name)
      eventually { held.any? }
      worker.close
      expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
      expect(client.server_status.value[name]).to be_nil
    end
  end

  describe "asked for the status of a job" do
    it "tells how far it is" do
      held = hold
      task = client.submit_job(name)
      eventually { held.any? && task.handle }
      expect(client.get_status(task.handle).value).to have_attributes(known?: true, running?: true, numerator: 0)
      held.first.status(1, 2)
      settle(worker)
      expect(client.get_status(task.handle).value).to have_attributes(numerator: 1, denominator: 2, ratio: 0.5)
    end

    # Its numbers are empty then.
    it "tells that it knows none" do
      expect(client.get_status("H:nobody:1").value)
        .to have_attributes(known?: false, running?: false, numerator: 0, denominator: 0, ratio: nil)
    end
  end

  it "does not know low priority, high priority in the background, delays, and keys" do
    expect_unsupported do
      [client.submit_job_low(name), client.submit_job_low_bg(name), client.submit_job_high_bg(name),
       client.submit_job_epoch(name, "", Time.now), client.get_status_unique("key")]
    end
  end

  it "answers what it knows between what it does not" do
    worker.register_function(name) { |job| job.workload.reverse }.work
    tasks = %w[ab cd ef].flat_map { |word| [client.submit_job_low(name, word), client.submit_job(name, word)] }
    tasks.each { |task| task.wait(Examples::PATIENCE) }
    expect(tasks.map { |task| task.result || task.error.class })
      .to eq(%w[ba dc fe].flat_map { |word| [EVGearman::UnsupportedCommandError, word] })
  end

  describe "in text" do
    let(:server) { own_perl_server }

    it "tells of functions and connections" do
      worker_for(server, client_id: "busy").register_function("resize", async: true) { nil }.work
      2.times { client.enqueue("resize", "x") }
      eventually { client.server_status.value["resize"]&.running == 1 }
      expect(client.server_status.value["resize"].to_a).to eq(["resize", 2, 1, 1])
      workers = client.server_workers.value
      expect(workers["busy"]).to have_attributes(ip: "127.0.0.1", functions: ["resize"])
      expect(workers["-"].functions).to eq([])
    end

    it "lists jobs and clients, and what gladiator counts" do
      client.submit_job("resize", "", unique: "key").then { |task| eventually { task.handle } }
      expect(client.admin("jobs").value).to eq("resize\tkey\t-\t1\n")
      expect(client.admin("clients").value).to match(/\A127\.0\.0\.1:\d+\n\tresize\tkey\t-\n\z/)
      expect(client.admin("clients", multiline: true).value).to eq(client.admin("clients").value)
      expect(client.admin("gladiator").value).to be_a(String)
    end

    it "does not know what gearmand does beyond that" do
      expect_unsupported do
        [client.server_pid, client.server_verbosity, client.priority_status, client.jobs, client.unique_jobs,
         client.create_function("f"), client.drop_function("f"), client.cancel_job("H:1"), client.admin("nonsense")]
      end
    end

    it "fails what waits last when a queue is full, and takes the new job" do
      expect(client.maxqueue("resize", 2).value).to be(true)
      tasks = Array.new(3) { |n| client.submit_job("resize", n.to_s).tap { |task| eventually { task.handle } } }
      expect { tasks[1].value(Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
      client.maxqueue("resize").value
      tasks << client.submit_job("resize", "3")
      worker_for(server).register_function("resize", &:workload).work
      expect(tasks.values_at(0, 2, 3).map { |task| task.value(Examples::PATIENCE) }).to eq(%w[0 2 3])
    end

    it "says what is wrong with a command" do
      expect { client.admin("maxqueue").value }.to raise_error(EVGearman::ServerError, /\Aincomplete_args/)
      expect { client.admin("shutdown now").value }.to raise_error(EVGearman::ServerError, /\Aunknown_args/)
      expect(client.ping).to be_a(Float)
    end

    [false, true].each do |graceful|
      it "ends when it is told to#{" gracefully" if graceful}" do
        expect(client.shutdown_server(graceful: graceful).value).to be(true)
        eventually { server.ended? }
      end
    end
  end

  describe "with a client of Perl's on the other side" do
    def submit(...) = perl_client(server, ...)

    it_behaves_like "a client of another library"
  end

  describe "with a client of libgearman's on the other side" do
    def submit(...) = c_client(server, ...)

    it_behaves_like "a client of another library"
  end

  describe "with a worker of Perl's on the other side" do
    def serve(prefix) = perl_worker(server, prefix)

    it_behaves_like "a worker of another library"

    it "tells what its code died of, and goes on" do
      serve(name)
      task = client.submit_job("#{name}-exception", "no such luck")
      expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobExceptionError) do |error|
        expect(error.data).to include("no such luck\n")
      end
      expect(client.call("#{name}-echo", "still here", timeout: Examples::PATIENCE)).to eq("still here")
    end
  end
end
