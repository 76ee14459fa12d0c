# frozen_string_literal: true

RSpec.describe EVGearman::JobStatus do
  let(:client) { client_for(shared_server) }
  let(:name) { function }

  # The ancestor answered a hash of Strings.
  it "knows a job that waits" do
    handle = client.enqueue(name, "x", unique: "#{name}-key")
    status = client.get_status(handle).value
    expect(status).to have_attributes(handle: handle, unique: nil, known?: true, running?: false, numerator: 0,
                                      denominator: 0, client_count: nil, ratio: nil)
    expect(status).to be_frozen
    expect(client.get_status_unique("#{name}-key").value).to have_attributes(
      handle: nil, unique: "#{name}-key", known?: true, running?: false, client_count: 0
    )
  end

  it "follows a job that runs" do
    worker = worker_for(shared_server)
    running = nil
    worker.register_function(name, async: true) { |job| (running = job).status(1, 4) }.work
    task = client.submit_job(name, "x")
    eventually { running && task.handle }
    settle(worker)
    expect(client.get_status(task.handle).value).to have_attributes(running?: true, numerator: 1, denominator: 4, ratio: 0.25)
    running.complete("")
    task.value(30)
    expect(client.get_status(task.handle).value).not_to be_known
  end

  it "answers right behind its own submission" do
    client.submit_job_bg(name, "x", unique: "#{name}-key")
    expect(client.get_status_unique("#{name}-key").value).to be_known
  end

  it "tells a block" do
    seen = []
    client.get_status("H:nobody:1") { |*args| seen << args }.wait
    expect(seen).to match([[have_attributes(known?: false), nil]])
  end

  # Fails when a key is sent that gearmand never answers.
  it "refuses keys that gearmand would not answer" do
    ["", "x" * 64, "a\0b"].each do |key|
      expect { client.get_status(key) }.to raise_error(ArgumentError)
      expect { client.get_status_unique(key) }.to raise_error(ArgumentError)
    end
    expect(client.get_status("x" * 63).value).not_to be_known
  end
end
