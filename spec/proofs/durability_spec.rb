# frozen_string_literal: true

RSpec.describe "Background jobs", :gearmand do
  let(:server) { own_gearmand("--queue-type=libsqlite3", "--libsqlite3-db=queue") }
  let(:name) { function }

  def executed_until(count)
    seen = []
    worker_for(server, prefetch: 16, reconnect_delay: 0.01).register_function(name) { |job| seen << job.workload && nil }.work
    eventually { seen.uniq.size >= count }
    seen
  end

  # Fails when jobs without a key of the app share the empty one: the queue on disk then keeps one of them.
  it "that were acknowledged are executed, a thousand of them, when their server is killed while it takes more" do
    client = client_for(server, reconnect_delay: 0.01)
    acknowledged, failed = [], []
    3000.times do |n|
      client.submit_job_bg(name, n.to_s) { |handle, error| handle ? acknowledged << n.to_s : failed << error.delivery }
    end
    eventually { acknowledged.size >= 1000 }
    server.kill
    server.restart
    eventually { acknowledged.size + failed.size == 3000 }
    expect(failed.uniq - [:unacknowledged]).to eq([])
    expect(acknowledged - executed_until(acknowledged.size)).to eq([])
  end

  # gearmand 1.1.20 wakes nobody for a delayed job that becomes due; times are whole seconds of its clock.
  it "that are delayed run within poll_interval and a second, on a worker that sleeps" do
    late = []
    worker = worker_for(Gearmand.shared, poll_interval: 0.5)
    worker.register_function(name) { |job| late << Time.now.to_f - job.workload.to_i && nil }
    worker.work
    client = client_for(Gearmand.shared)
    2.times { |n| (Time.now.to_i + 2 + n).then { |time| client.enqueue(name, time.to_s, at: time) } }
    eventually { late.size == 2 }
    expect(late).to all(be_between(0, 0.5 + 1))
  end
end
