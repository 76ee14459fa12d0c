# frozen_string_literal: true

# What any client and any worker that is not ours must be able to do with ours.
#
# The programs are told and tell in the same way: see client.pl, worker.pl, client.c and worker.c beside this.
module Peers
  PAYLOADS = {
    "a word" => "hello",
    "bytes, NULs among them" => "a\0b\xFF\0".b,
    "nothing" => "",
    "more than a pipe takes" => ("0123456789abcdef" * 16_384).b
  }.freeze

  # What a program heard, but for the handle of its job.
  def heard(program)
    eventually { program.ended? }
    expect(program.errors).to eq("")
    program.lines.grep_v(/\Acreated /)
  end

  def hex(bytes) = bytes.unpack1("H*")
end

# Needs `server` and `submit(function, workload = "", **options)`, which starts the program.
RSpec.shared_examples "a client of another library" do
  let(:worker) { worker_for(server, on_callback_error: ->(*) {}) }
  let(:name) { function }

  Peers::PAYLOADS.each do |what, payload|
    it "hears our answer to #{what}" do
      worker.register_function(name) { |job| job.workload.reverse }.work
      expect(heard(submit(name, payload))).to eq(["complete #{hex(payload.reverse)}"])
    end
  end

  it "hears that a job failed" do
    worker.register_function(name, &:fail).work
    expect(heard(submit(name))).to eq(["fail"])
  end

  it "submits to the background, and knows the job by the handle that we know" do
    handles = []
    worker.register_function(name) { |job| (handles << job.handle) && nil }.work
    program = submit(name, "x", background: 1)
    expect(heard(program)).to eq([])
    eventually { handles.any? }
    expect(program.lines).to eq(["created #{handles.first}"])
  end

  it "shares a job with us under one key" do
    ran = []
    program = submit(name, "theirs", unique: "shared")
    eventually { server.status(name).first == 1 }
    task = client_for(server).submit_job(name, "ours", unique: "shared")
    eventually { task.handle }
    worker.register_function(name) { |job| (ran << job.workload) && "once" }.work
    expect(task.value(Examples::PATIENCE)).to eq("once")
    expect(heard(program)).to eq(["complete #{hex("once")}"])
    expect(ran).to eq(["theirs"])
  end
end

# The same from a server that forwards data and warnings, and knows three priorities: gearmand.
RSpec.shared_examples "a client of another library through gearmand" do
  include_examples "a client of another library"

  it "hears data, warnings and how far it is, in order, in front of the result" do
    worker.register_function(name) do |job|
      job.send_data("one")
      job.warning("careful")
      job.status(1, 2)
      job.send_data("two\0three")
      "done"
    end.work
    expect(heard(submit(name))).to eq(["data #{hex("one")}", "warning #{hex("careful")}", "status 1 2",
                                       "data #{hex("two\0three")}", "complete #{hex("done")}"])
  end

  it "hears what an exception said, once" do
    worker.register_function(name) { raise "no such luck" }.work
    expect(heard(submit(name, exceptions: 1))).to eq(["exception #{hex("no such luck")}"])
  end

  it "submits by priority" do
    ran = []
    %w[low normal high].each { |priority| heard(submit(name, priority, priority: priority, background: 1)) }
    worker.register_function(name) { |job| (ran << job.workload) && nil }.work
    eventually { ran.size == 3 }
    expect(ran).to eq(%w[high normal low])
  end

  it "gives its job the key that we are told" do
    worker.register_function(name, &:unique).work
    expect(heard(submit(name, unique: "mine"))).to eq(["complete #{hex("mine")}"])
  end
end

# Needs `server` and `serve(prefix)`, which starts the program.
RSpec.shared_examples "a worker of another library" do
  let(:client) { client_for(server) }
  let(:prefix) { function }

  def call(name, payload = "", **options)
    client.call("#{prefix}-#{name}", payload, timeout: Examples::PATIENCE, **options)
  end

  Peers::PAYLOADS.reject { |_, payload| payload.empty? }.each do |what, payload|
    it "answers us with #{what}" do
      serve(prefix)
      expect(call("echo", payload)).to eq(payload)
    end
  end

  it "fails a job" do
    serve(prefix)
    expect { call("fail") }.to raise_error(EVGearman::JobFailedError)
  end

  it "runs a job of the background, and goes on" do
    worker = serve(prefix)
    client.enqueue("#{prefix}-echo", "behind")
    expect(call("echo", "here")).to eq("here")
    expect(worker.lines).to contain_exactly("echo #{hex("behind")}", "echo #{hex("here")}")
  end

  it "runs once what we submit twice under one key" do
    name = "#{prefix}-echo"
    tasks = [client, client_for(server)].flat_map do |ours|
      Array.new(2) { ours.submit_job(name, "first", unique: "shared", timeout: Examples::PATIENCE) }
    end
    eventually { tasks.all?(&:handle) }
    worker = serve(prefix)
    expect(EVGearman::Task.all(tasks)).to eq(["first"] * 4)
    expect(worker.lines).to eq(["echo #{hex("first")}"])
  end
end

RSpec.shared_examples "a worker of another library through gearmand" do
  include_examples "a worker of another library"

  it "tells data, warnings and how far it is, in order" do
    serve(prefix)
    told = []
    hooks = %i[on_data on_warning on_status].to_h { |hook| [hook, ->(*args) { told << [hook, *args] }] }
    expect(call("progress", "x", **hooks)).to eq("done")
    expect(told).to eq([[:on_data, "one"], [:on_warning, "careful"], [:on_status, "1", "2"], [:on_data, "two\0three"]])
  end

  it "sends an exception in its own words, and goes on" do
    serve(prefix)
    task = client.submit_job("#{prefix}-refuse", "no such luck")
    expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobExceptionError) do |error|
      expect(error.data).to eq("no such luck")
    end
    expect(call("echo", "still here")).to eq("still here")
  end

  it "takes high priority first, and low last" do
    %i[low normal high].each { |priority| client.enqueue("#{prefix}-echo", priority.to_s, priority: priority) }
    worker = serve(prefix)
    eventually { worker.lines.size == 3 }
    expect(worker.lines).to eq(%w[high normal low].map { |word| "echo #{hex(word)}" })
  end
end
