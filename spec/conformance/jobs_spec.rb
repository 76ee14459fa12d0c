# frozen_string_literal: true

require "digest"

RSpec.describe "Jobs on a real server" do
  let(:client) { client_for(shared_server) }
  let(:name) { function }

  def serve(**options, &handler)
    worker_for(shared_server, **options).register_function(name, &handler).work
  end

  describe "of a large size" do
    [1, 32, 128].each do |mebibytes|
      it "come back whole: #{mebibytes} MiB", **(mebibytes > 32 ? { server: Gearmand } : {}) do
        serve(&:workload)
        payload = Random.new(mebibytes).bytes(1 << 20) * mebibytes
        result = client.submit_job(name, payload).value(Examples::PATIENCE)
        expect([result.bytesize, result == payload]).to eq([mebibytes << 20, true])
        payload.clear
        result.clear
      end
    end
  end

  # A job that was cancelled while it runs goes on at gearmand, and who comes with its key joins it.
  describe "that are cancelled while they run" do
    let(:running) { [] }

    def start_one
      worker_for(shared_server, concurrency: nil).register_function(name, async: true) { |job| running << job }.work
      client.submit_job(name, "one", unique: "key").tap { |task| eventually { running.first && task.handle } }
    end

    # Fails when WORK_FAIL ends a job for good: the new one then hears everything twice.
    it "say everything once to who comes later", server: Gearmand do
      first = start_one
      expect(client.cancel_job(first.handle).value(Examples::PATIENCE)).to be(true)
      expect { first.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
      heard = []
      second = client.submit_job(name, "two", unique: "key", on_data: ->(bytes) { heard << bytes })
      settle(client)
      %w[a b c].each { |bytes| running.first.send_data(bytes) }
      running.first.complete("result")
      expect([second.value(Examples::PATIENCE), second.handle, heard]).to eq(["result", first.handle, %w[a b c]])
    end

    # Fails when what is said to nobody we know is kept for a job that is still to be created.
    it "and once more, do not fail who comes later", server: Gearmand do
      first = start_one
      2.times { client.cancel_job(first.handle) }
      second = client.submit_job(name, "two", unique: "key")
      settle(client)
      running.first.complete("result")
      expect { first.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
      expect(second.value(Examples::PATIENCE)).to eq("result")
    end
  end

  it "end out of order on eight workers, and each answer is its own: 200" do
    8.times do |n|
      random = Random.new(n)
      worker_for(shared_server, prefetch: 4).register_function(name, async: true) do |job|
        loop.after(random.rand(0.001..0.1)) { job.complete("answer to #{job.workload}") }
      end.work
    end
    seen = {}
    tasks = Array.new(200) { |n| client.submit_job(name, n.to_s) { |result, error| seen[n] = [result, error] } }
    EVGearman::Task.all(tasks, Examples::PATIENCE)
    expect(seen.keys).not_to eq((0...200).to_a)
    expect(seen).to eq((0...200).to_h { |n| [n, ["answer to #{n}", nil]] })
  end

  it "tell everything of themselves to who submitted them, on four workers: 20 at once" do
    4.times do
      serve(prefetch: 4) do |job|
        job.send_data("#{job.workload} 1")
        job.status(1, 2)
        job.send_data("#{job.workload} 2")
        job.warning("#{job.workload} !")
        job.status(2, 2)
        "#{job.workload} done"
      end
    end
    heard = Array.new(20) { [] }
    heard.each_with_index do |list, n|
      client.submit_job(name, n.to_s, on_data: ->(bytes) { list << bytes }, on_warning: ->(bytes) { list << bytes },
                                      on_status: ->(*numbers) { list << numbers }) { |result, error| list << result << error }
    end
    eventually { heard.all? { |list| list.size == 7 } }
    heard.each_with_index do |list, n|
      expect(list).to eq(["#{n} 1", %w[1 2], "#{n} 2", "#{n} !", %w[2 2], "#{n} done", nil])
    end
  end

  it "in the background have handles of their own: 10,000" do
    errors_seen = 0
    server = own_server
    client = client_for(server)
    tasks = Array.new(10_000) { |n| client.submit_job_bg(name, n.to_s) { |_, error| errors_seen += 1 if error } }
    handles = EVGearman::Task.all(tasks, Examples::PATIENCE)
    expect([handles.uniq.size, errors_seen, server.status(name).first]).to eq([10_000, 0, 10_000])
  end

  it "of UTF-8 text are bytes on the way, decoded and encoded where one wants that" do
    serve { |job| job.workload.dup.force_encoding("UTF-8").reverse }
    result = client.call(name, "grüße")
    expect([result.bytesize, result.force_encoding("UTF-8")]).to eq([7, "eßürg"])
  end

  it "with a key wait for a worker that comes later" do
    seen = []
    task = client.submit_job(name, "the workload", unique: "later-#{name}")
    eventually { task.handle }
    expect(client.get_status_unique("later-#{name}").value).to have_attributes(known?: true, running?: false, client_count: 1)
    serve { |job| seen << [job.workload, job.unique] && "result" }
    expect(task.value(Examples::PATIENCE)).to eq("result")
    expect(seen).to eq([["the workload", "later-#{name}"]])
  end

  it "that are delayed are known and do not run, with a key and without" do
    [:auto, "delayed-#{name}"].each do |key|
      handle = client.submit_job_epoch(name, "x", Time.now + 3600, unique: key).value
      expect(client.get_status(handle).value).to have_attributes(handle: handle, known?: true, running?: false)
    end
    expect(client.get_status_unique("delayed-#{name}").value).to have_attributes(unique: "delayed-#{name}", known?: true)
  end

  it "that were pipelined are told one by one" do
    serve(&:workload)
    told = []
    10.times { |n| client.submit_job(name, n.to_s) { |result, error| told << [result, error] } }
    eventually { told.size == 10 }
    loop.run(0.02)
    expect(told.sort).to eq(Array.new(10) { |n| [n.to_s, nil] })
  end

  it "that fail with what a handler raised are told of twice: what it said, and that it failed" do
    serve(on_callback_error: proc {}) { raise ArgumentError, "no such thing" }
    told = []
    client.submit_job(name, on_exception: ->(bytes) { told << bytes }) { |result, error| told << [result, short(error)] }
    eventually { told.size == 2 }
    loop.run(0.02)
    expect(told).to eq(["no such thing", [nil, "exception: no such thing"]])
  end

  it "are announced by a barrier: what was sent before its reply has been taken in" do
    worker = worker_for(shared_server).register_function(name) { nil }
    worker.connect.echo("barrier").value
    client.submit_job_bg(name, "x")
    client.echo("barrier").value
    expect(shared_server.status(name)).to eq([1, 0, 1])
    worker.reset_abilities.echo("barrier").value
    expect(shared_server.status(name)).to eq([1, 0, 0])
  end
end
