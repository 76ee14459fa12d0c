# frozen_string_literal: true

RSpec.describe "Submissions of every kind" do
  let(:client) { client_for(shared_server) }
  let(:name) { function }

  def serve(&handler)
    worker_for(shared_server).register_function(name, &handler).work
  end

  it "runs HIGH before NORMAL before LOW, each in order" do
    ran = []
    tasks = [client.submit_job_low(name, "L1"), client.submit_job(name, "N1"), client.submit_job_high(name, "H1"),
             client.submit_job_low(name, "L2"), client.submit_job(name, "N2"), client.submit_job_high(name, "H2")]
    eventually { tasks.all?(&:handle) }
    serve { |job| ran << job.workload and nil }
    EVGearman::Task.all(tasks, 30)
    expect(ran).to eq(%w[H1 H2 N1 N2 L1 L2])
  end

  it "has a background job of each priority, and calls of each" do
    handles = [client.submit_job_bg(name), client.submit_job_high_bg(name), client.submit_job_low_bg(name)].map(&:value)
    expect(handles.uniq.size).to eq(3)
    serve { |job| job.workload.upcase }
    expect(%i[high normal low].map { |priority| client.call(name, priority.to_s, priority: priority) }).to eq(%w[HIGH NORMAL LOW])
    expect { client.call(name, priority: :urgent) }.to raise_error(ArgumentError, /priority/)
  end

  it "takes on_data for each priority, and no other option" do
    serve { |job| job.send_data("d") && "r" }
    data = []
    expect(client.submit_job_high(name, "x", on_data: data.method(:<<)).value(30)).to eq("r")
    expect(data).to eq(["d"])
    expect { client.submit_job_low(name, "x", colour: 1) }.to raise_error(ArgumentError)
  end

  # Fails without polling: gearmand 1.1.20 wakes nobody for a delayed job that becomes due.
  it "runs a delayed job when it is due, on a worker that sleeps" do
    ran = []
    slept = false
    worker = worker_for(shared_server, poll_interval: 0.2)
    worker.register_function(name) { |job| ran << job.workload and nil }.work { slept = true }
    eventually { slept }
    client.enqueue(name, "later", in: 1)
    eventually(10) { ran == ["later"] }
  end

  it "takes times of many kinds, rounded up, and refuses the rest" do
    soon = Time.now + 1000
    [soon, soon.to_i, soon.to_f, soon.to_r].each { |time| expect(client.submit_job_epoch(name, "x", time).value).to be_a(String) }
    ["tomorrow", nil, -1, 2**63].each { |time| expect { client.submit_job_epoch(name, "x", time) }.to raise_error(ArgumentError) }
    expect(client.submit_job_epoch(name, "x", (2**63) - 1).value).to be_a(String)
    expect { client.submit_job_epoch(name, "x", 2**63) }.to raise_error(/between 0 and 2\*\*63 - 1 seconds/)
    expect { client.enqueue(name, at: soon, in: 1) }.to raise_error(ArgumentError, /either/)
    expect { client.enqueue(name, in: 1, priority: :high) }.to raise_error(ArgumentError, /priority/)
    [-1, Float::NAN, Float::INFINITY, "1", Complex(1, 1)].each { |delay| expect { client.enqueue(name, in: delay) }.to raise_error(ArgumentError) }
    [Float::NAN, Float::INFINITY, Complex(1, 1)].each { |time| expect { client.enqueue(name, at: time) }.to raise_error(ArgumentError) }
  end

  it "looks at the time to wait before anything is sent" do
    sent = client.stats[:submitted]
    [-1, Float::NAN, "1"].each do |timeout|
      expect { client.enqueue(name, timeout: timeout) }.to raise_error(ArgumentError)
      expect { client.call(name, timeout: timeout) }.to raise_error(ArgumentError)
      expect { client.ping(timeout) }.to raise_error(ArgumentError)
      expect { EVGearman::Task.all([], timeout) }.to raise_error(ArgumentError)
    end
    expect(client.stats[:submitted]).to eq(sent)
  end

  it "has no listeners for background jobs, of which nothing is heard" do
    %i[submit_job_bg submit_job_high_bg submit_job_low_bg enqueue].each do |request|
      %i[on_data on_warning on_exception on_status].each do |option|
        expect { client.public_send(request, name, "x", option => -> {}) }.to raise_error(ArgumentError, /#{option}/)
      end
    end
  end

  it "tells of the handle of a background job as of any other" do
    seen = []
    task = client.submit_job_bg(name, "x") { |*args| seen << args }
    task.on_created { |handle| seen << [:created, handle] }
    expect(seen).to be_empty
    handle = task.value
    task.on_created { |late| seen << [:late, late] }
    eventually { seen.size == 3 }
    expect(seen).to eq([[:created, handle], [handle, nil], [:late, handle]])
  end

  it "has no handle where no job was made" do
    seen = []
    [client.get_status("H:1"), client.get_status_unique("key"), client.option("exceptions"), client.echo("x")].each do |task|
      task.on_created { |handle| seen << handle }.wait
      expect(task.handle).to be_nil
    end
    expect(seen).to be_empty
  end

  it "maps in order, no more at a time than it may" do
    under_way = most = 0
    worker = worker_for(shared_server, prefetch: 64)
    worker.register_function(name, async: true) do |job|
      most = [most, under_way += 1].max
      loop.after(0.001) { (under_way -= 1) && job.complete(job.workload.reverse) }
    end.work
    expect(client.map(name, (10..60).map(&:to_s), concurrency: 7)).to eq((10..60).map { |n| n.to_s.reverse })
    expect(most).to be_between(2, 7)
  end

  # Fails when a map waits for its oldest job while later ones have ended.
  it "maps so many at a time while there are more, in whatever order they end" do
    held = nil
    worker = worker_for(shared_server, concurrency: nil)
    worker.register_function(name, async: true) do |job|
      held ||= job
      job.complete(job.workload) unless job.equal?(held)
      held.complete("0") if job.workload == "99"
    end.work
    expect(client.map(name, (0..99).map(&:to_s), concurrency: 2, timeout: 20)).to eq((0..99).map(&:to_s))
  end

  it "maps what is there by and by: the next is taken when there is room, on the calling thread" do
    jobs = []
    worker_for(shared_server, concurrency: nil).register_function(name, async: true) { |job| jobs << job }.work
    taken = []
    workloads = Enumerator.new { |yielder| 5.times { |n| (taken << Thread.current) && yielder << n.to_s } }
    mapping = Thread.new { client.map(name, workloads.lazy, concurrency: 2) }
    5.times do |ended|
      eventually { jobs.size == [2, 5 - ended].min }
      expect(taken).to eq([mapping] * [2 + ended, 5].min)
      jobs.delete_at(ended % jobs.size).then { |job| job.complete(job.workload) }
    end
    eventually { mapping.join(0) }
    expect(mapping.value).to eq(%w[0 1 2 3 4])
  end

  it "maps what raises on the way: that is raised when those under way have ended" do
    ended = []
    worker_for(shared_server).register_function(name) { |job| (ended << job.workload) && "" }.work
    workloads = Enumerator.new { |yielder| (yielder << "1" << "2") && raise(IOError, "no more") }
    expect { client.map(name, workloads) }.to raise_error(IOError, "no more")
    expect([ended, client.active_count, client.pending_count]).to eq([%w[1 2], 0, 0])
    expect { client.map(name, ["3", nil]) }.to raise_error(TypeError)
    expect(ended).to eq(%w[1 2 3])
  end

  # Fails when it waits for the jobs all the same: nobody does them.
  it "maps until it is interrupted, and forgets what is under way" do
    seen = []
    mapping = Thread.new { client.map(name, %w[1 2 3], concurrency: 2, on_data: ->(data) { seen << data }) }
    mapping.report_on_exception = false
    eventually { client.active_count == 2 }
    mapping.raise(Interrupt)
    expect { mapping.value }.to raise_error(Interrupt)
    worker_for(shared_server).register_function(name) { |job| job.send_data("x") && "" }.work
    eventually { client.active_count.zero? }
    expect(seen).to be_empty
  end

  # Fails when an interrupt is taken for an error on the way, and what is under way is waited for: nobody does it.
  { "for room" => %w[1 2 3], "for the last" => %w[1 2], "behind an error" => ["1", "2", nil] }.each do |which, workloads|
    it "maps until it is interrupted, by what is a StandardError, while it waits #{which}" do
      mapping = Thread.new { client.map(name, workloads, concurrency: workloads.size - (which == "for room" ? 1 : 0)) }
      mapping.report_on_exception = false
      eventually { client.active_count == 2 && mapping.status == "sleep" }
      mapping.raise(KeyError, "from outside")
      expect { mapping.join(10) or raise "it goes on" }.to raise_error(KeyError, "from outside")
      serve { "" }
      eventually { client.active_count.zero? }
    end
  end

  # Fails when it is refused what it could wait for.
  it "maps more than may be unsent, also what others would send" do
    serve { |job| job.workload.bytesize.to_s }
    client.max_unsent = 10_000
    expect(client.map(name, ["x" * 6_000] * 20)).to eq(["6000"] * 20)
    expect { 3.times { client.submit_job_bg(function, "x" * 6_000) } }.to raise_error(EVGearman::BackpressureError)
    expect(client.map(name, %w[a b])).to eq(%w[1 1])
  end

  it "maps with the options of a call" do
    order = []
    results = Thread.new { client.map(name, %w[a b], priority: :high, unique: "-", timeout: 30, on_data: ->(data) { order << data }) }
    eventually { client.active_count == 2 }
    low = client.submit_job_low(name, "first?")
    eventually { low.handle }
    serve { |job| job.send_data(job.workload) && order << job.unique && job.workload }
    expect(results.value).to eq(%w[a b])
    expect(low.value).to eq("first?")
    expect(order.grep(/a|b/).uniq.sort).to eq(%w[a b])
    expect { client.map(name, %w[a], priority: :urgent) }.to raise_error(ArgumentError, /priority/)
  end

  it "raises the first error of a map after all have ended" do
    worker = worker_for(shared_server, on_callback_error: ->(*) {})
    worker.register_function(name) { |job| job.workload == "2" ? raise("no") : job.workload }.work
    expect { client.map(name, %w[1 2 3]) }.to raise_error(EVGearman::JobExceptionError)
    expect(client.active_count).to eq(0)
  end

  it "waits for several Tasks, for a time" do
    tasks = [client.echo("a"), client.submit_job(name, "x", timeout: 0.5)]
    expect { EVGearman::Task.all(tasks, 0.05) }.to raise_error(EVGearman::TimeoutError)
    expect { EVGearman::Task.all(tasks, 30) }.to raise_error(EVGearman::JobTimeoutError)
  end

  it "remembers an option, and says no to an unknown one" do
    expect(client.option("exceptions").value).to be(true)
    expect { client.option("colour").value }.to raise_error(EVGearman::ServerError, /UNKNOWN_OPTION/)
    expect { client.option("a\nb") }.to raise_error(ArgumentError)
  end

  # Fails when what the server does not know is remembered: every connection would ask for it.
  it "remembers no option that was refused" do
    server = fake_server(prologue: false) do |peer|
      while (name, value = peer.next)
        peer.write("OK 1.1.20\n") if name == :text
        peer.send(:echo_res, value) if name == :echo_req
        value == "colour" ? peer.send(:error, "UNKNOWN_OPTION", "no") : peer.send(:option_res, value) if name == :option_req
      end
    end
    asker = client_for(server, exceptions: false)
    asker.echo("connected").value
    tasks = %w[colour good].map { |name| asker.option(name) }.each(&:wait)
    expect(tasks.map(&:success?)).to eq([false, true])
    asker.disconnect.echo("again").value
    expect(server.peer.received).to eq([[:text, "version"], [:option_req, "good"], [:echo_req, "again"]])
  end

  # Fails when 0 is a time that is over: nobody waits for the answer then. To `ping` that is nil: 0 polls.
  it "waits without a limit when that is off" do
    sleepy = Thread::Queue.new
    server = fake_server do |peer|
      sleepy.pop
      peer.send(:job_created, "H:1") if peer.expect(:submit_job_bg)
      peer.send(:echo_res, peer.expect(:echo_req).last)
    end
    asker = client_for(server)
    asking = Thread.new { [asker.enqueue("f", timeout: 0), asker.ping(nil)] }
    eventually { asker.pending_count == 1 }
    sleepy << true
    eventually { asking.join(0) }
    expect(asking.value).to match(["H:1", Float])
  end

  it "flushes what was asked" do
    client.echo("x")
    expect(client.flush).to be(true)
    expect(client.pending_count + client.unsent_bytes).to eq(0)
  end

  it "does not flush a question that nobody answers" do
    mute = client_for(fake_server(&:stall))
    mute.echo("x")
    expect(mute.flush(0.1)).to be(false)
    mute.disconnect
  end

  it "reads nothing while paused" do
    client.ping
    task = client.pause_reading.echo("x")
    expect(task.wait(0.2)).to be_nil
    expect(client.resume_reading && task.value(30)).to eq("x")
  end

  # Fails when the silence of a socket that nobody reads is taken for the server's.
  it "is paused for as long as it likes" do
    client.ping
    client.pause_reading.heartbeat = 0.02
    loop.run(0.2)
    expect([client.state, errors]).to eq([:connected, []])
  end
end
