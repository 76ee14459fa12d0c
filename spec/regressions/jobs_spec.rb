# frozen_string_literal: true

# What goes wrong with jobs: said twice, said late, said on the wrong connection, never said.
RSpec.describe "A worker" do
  let(:name) { function }
  let(:quick) { { reconnect_delay: 0.001, reconnect_max_delay: 0.01 } }

  def terminal(server) = server.received.select { |command, _| %i[work_complete work_fail work_exception].include?(command) }

  # Assigns a job for each GRAB, as long as there are some; then NO_JOB.
  def assigning(*workloads, handle: "H:vm:1")
    fake_server do |peer|
      while (command, = peer.next)
        next unless command == :grab_job_uniq

        workload = workloads.shift
        workload ? peer.send(:job_assign_uniq, handle, "f", "", workload) : peer.send(:no_job)
      end
    end
  end

  describe "whose job is answered twice" do
    # Fails when a second answer is sent: remove the check of `answered` in binding/values/assignment.c and EVG_JOB_FINISHED in
    # `ours` in session/assigned.c. gearmand then says JOB_NOT_FOUND.
    it "sends the first answer only, and goes on with the next jobs" do
      worker = worker_for(shared_server)
      refused = 0
      worker.register_function(name, async: true) do |job|
        job.complete(job.workload)
        %i[complete fail].each { |again| job.public_send(again) rescue refused += 1 }
      end
      worker.work
      client = client_for(shared_server)
      tasks = Array.new(5) { |n| client.submit_job(name, n.to_s) }
      expect(EVGearman::Task.all(tasks, Examples::PATIENCE)).to eq(%w[0 1 2 3 4])
      expect(Array.new(5) { |n| worker.echo(n.to_s) }.map(&:value)).to eq(%w[0 1 2 3 4])
      expect([refused, worker.stats[:ignored_packets]]).to eq([10, 0])
    end
  end

  # Fails when the ERROR answers the GRAB that waits: remove the line of JOB_NOT_FOUND in session/pairing.c. The worker then
  # never asks again.
  it "is not stopped by a server that does not know a job any more" do
    server = fake_server do |peer|
      2.times do |n|
        peer.skip_to(:grab_job_uniq)
        peer.send(:error, "JOB_NOT_FOUND", "Job given in work result not found")
        peer.send(:job_assign_uniq, "H:#{n}", "f", "", n.to_s)
        peer.skip_to(:work_complete)
        peer.send(:error, "JOB_NOT_FOUND", "Job given in work result not found")
      end
      peer.skip_to(:grab_job_uniq) && peer.send(:no_job)
      peer.skip_to(:echo_req) && peer.send(:echo_res, "aligned")
    end
    worker = worker_for(server).register_function("f", &:workload).work
    eventually { terminal(server).size == 2 }
    expect(worker.echo("aligned").value).to eq("aligned")
    expect(terminal(server)).to eq([[:work_complete, "H:0", "0"], [:work_complete, "H:1", "1"]])
  end

  # Fails when the result of a job goes out after its time was up: let evg_job_complete ask `ours` only, or drop
  # EVG_JOB_EXPIRED from it.
  it "says one thing of a job whose time is up: that it was" do
    server = assigning("x")
    held = nil
    worker = worker_for(server, on_callback_error: ->(*) {})
    worker.register_function("f", async: true, timeout: 0.05) { |job| held = job }
    worker.work
    eventually { terminal(server).any? }
    expect([held.complete("late"), held.lost?]).to eq([false, false])
    worker.echo("x")
    eventually { server.commands.include?(:echo_req) }
    expect(terminal(server)).to eq([[:work_exception, "H:vm:1", "timed out after 0.05 s"]])
  end

  # Fails when seconds are sent to a server that counts in milliseconds: make evg_dialect_timeout_unit answer 1. A job of
  # more than 5 ms would then be given to somebody else.
  it "tells the server its timeout in milliseconds" do
    server = fake_server
    worker_for(server).register_function("f", server_timeout: 5) { nil }.connect
    eventually { server.commands.include?(:can_do_timeout) }
    expect(server.received).to include([:can_do_timeout, "f", "5000"])
  end

  describe "whose connection is cut while it has a job" do
    # The second connection is another server's: its handles begin anew.
    def two_lives
      fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.send(:job_assign_uniq, "H:vm:1", "f", "", peer.number.zero? ? "of customer 1" : "of customer 2")
        peer.number.zero? ? peer.expect(:work_data) && peer.reset : peer.skip_to(:work_complete)
      end
    end

    # Fails when the answer is kept for the next connection: drop `job->generation != s->generation` and EVG_JOB_LOST in
    # `ours` in session/assigned.c. Customer 2 then gets what was made for customer 1.
    it "sends nothing of it on the next one, where another job has the same handle" do
      server = two_lives
      jobs = []
      lost = []
      worker = worker_for(server, **quick)
      worker.register_function("f", async: true) { |job| jobs << job.on_lost { lost << job } && job.send_data("begun") }.work
      eventually { jobs.size == 2 }
      expect([jobs[0].lost?, lost]).to eq([true, [jobs[0]]])
      expect([jobs[0].send_data("late"), jobs[0].status(1, 2), jobs[0].complete("secret of customer 1")]).to eq([false] * 3)
      jobs[1].complete("for customer 2")
      eventually { terminal(server).any? }
      expect(terminal(server)).to eq([[:work_complete, "H:vm:1", "for customer 2"]])
    end

    # Fails when it is sent as soon as there is a connection again.
    it "sends nothing of it when the job ends during the outage" do
      server = two_lives
      jobs = []
      worker = worker_for(server, **quick)
      worker.register_function("f", async: true) { |job| jobs << job && job.send_data("begun") }.work
      eventually { server.peer }
      server.close
      eventually { jobs.any? && jobs[0].lost? }
      expect(jobs[0].complete("secret of customer 1")).to be(false)
      server.start
      eventually { jobs.size == 2 }
      jobs[1].complete("for customer 2")
      eventually { terminal(server).any? }
      expect(terminal(server)).to eq([[:work_complete, "H:vm:1", "for customer 2"]])
    end

    # Fails when a handler's job is answered on another connection than it came by.
    it "drops the value of a handler that ran all the while" do
      server = two_lives
      runs = []
      worker = worker_for(server, **quick)
      worker.register_function("f") do |job|
        job.send_data("begun")
        loop.run_once(0.01) until job.lost? || runs.any?
        runs << job.workload
        "answer #{job.workload}"
      end
      worker.work
      eventually { terminal(server).any? }
      expect(terminal(server)).to eq([[:work_complete, "H:vm:1", "answer of customer 2"]])
      expect(runs).to eq(["of customer 1", "of customer 2"])
    end
  end

  # Fails when the first half of an assignment is put in front of what the next connection says: drop evg_buffer_clear
  # from drop_connection in session/session.c.
  { "ends" => :close, "is reset" => :reset }.each do |what, ending|
    it "whose connection #{what} anywhere in an assignment takes no half of a job, and asks again on the next" do
      half = EVGearman::Protocol.encode(:job_assign_uniq, "H:vm:1", "f", "u", "half", magic: :res)
      (0...half.bytesize).each do |cut|
        server = fake_server do |peer|
          peer.skip_to(:grab_job_uniq)
          peer.number.zero? ? peer.write(half.byteslice(0, cut)) : peer.send(:job_assign_uniq, "H:vm:1", "f", "u", "whole")
          peer.public_send(ending) if peer.number.zero?
        end
        worker = worker_for(server, **quick).register_function("f", &:workload).work
        eventually { terminal(server).any? }
        expect([terminal(server), worker.in_flight]).to eq([[[:work_complete, "H:vm:1", "whole"]], []])
        worker.close(0)
      end
    end
  end

  # Fails when a socket is closed over what nobody read: the kernel then resets the connection, and what it had still to
  # send is lost. Drop evg_transport_drain from evg_connection_bury.
  it "that leaves with a NOOP unread loses nothing of its last answer" do
    begun, noop, closed, result = Queue.new, Queue.new, Queue.new, "x" * 80_000
    server = fake_server do |peer|
      peer.skip_to(:grab_job_uniq) && peer.send(:job_assign_uniq, "H:vm:1", "f", "", "")
      begun.pop && peer.send(:noop)
      noop << :sent
      closed.pop
    end
    worker = worker_for(server)
    worker.register_function("f") do |job|
      begun << true
      noop.pop
      job.complete(result)
      worker.close(0)
    end.work
    eventually { worker.closed? }
    loop.run(0.02)
    closed << :now
    eventually { terminal(server).any? }
    expect(terminal(server)).to eq([[:work_complete, "H:vm:1", result]])
  end

  describe "that is gone before its job" do
    # No block: that would keep the worker.
    def job_of_the_past(server)
      jobs = []
      past = EVGearman::Loop.new
      worker = EVGearman::Worker.new(url: server.url, loop: past)
      worker.register_function("f", jobs.method(:<<), async: true).work
      past.run_once(0.1) while jobs.empty?
      worker.close(0)
      past.close
      jobs.first
    end

    # Fails when a job keeps a pointer to what was freed: let job_mark in binding/client/job.c not mark its worker.
    it "leaves jobs that can be asked everything, and answer nothing" do
      server = assigning(*["x"] * 20)
      jobs = Array.new(20) { Thread.new { job_of_the_past(server) }.value }
      3.times { GC.start }
      20.times { client_for(server) } # whose memory may be where a worker's was
      expect(jobs.map { |job| [job.worker.class, job.worker.state] }.uniq).to eq([[EVGearman::Worker, :closed]])
      jobs.each { |job| expect_nothing_of(job) }
      expect(terminal(server)).to be_empty
    end

    def expect_nothing_of(job)
      expect([job.handle, job.function, job.workload, job.lost?]).to eq(["H:vm:1", "f", "x", true])
      expect([job.send_data("x"), job.complete("x"), job.finished?]).to eq([false, false, true])
      expect { job.complete }.to raise_error(EVGearman::JobFinishedError)
    end
  end

  describe "whose handler takes back its own function" do
    # Fails when CANT_DO overtakes the result, at which the server gives the job to another: send it at once in
    # evg_worker_cant_do.
    %i[cant_do reset_abilities].each do |method|
      it "sends the result first: #{method}" do
        server = assigning("x")
        worker = worker_for(server)
        worker.register_function("f") do |job|
          method == :cant_do ? worker.cant_do("f") : worker.reset_abilities
          job.send_data("still mine")
          "done"
        end
        worker.work
        eventually { (server.commands & %i[cant_do reset_abilities]).any? }
        told = server.commands & %i[work_data work_complete cant_do reset_abilities grab_job_uniq]
        expect(told).to eq([:grab_job_uniq, :work_data, :work_complete, method])
      end
    end
  end

  describe "that works before it can do anything" do
    # Fails when it gives up for good at the first NO_JOB, or grabs only once: drop evg_worker_awake from
    # evg_worker_announce.
    it "asks again when a function is added, though it sleeps" do
      server = assigning
      worker = worker_for(server, poll_interval: nil).work
      worker.register_function("a") { nil }
      eventually { server.commands.last == :pre_sleep }
      worker.register_function("b") { nil }
      eventually { server.commands.last(6) == %i[can_do grab_job_uniq pre_sleep] * 2 }
    end
  end

  describe "whose async handler" do
    # Fails when an exception leaves the job open: drop the call of job_exception in fail_with in binding/client/perform.c.
    it "raises ends the job" do
      server = assigning("x")
      worker_for(server, on_callback_error: proc {}).register_function("f", async: true) { raise "oops" }.work
      eventually { terminal(server).any? }
      expect(terminal(server)).to eq([[:work_exception, "H:vm:1", "oops"]])
    end

    # Fails when a job that nobody can answer stays open: drop evg_job_fail from job_free in binding/client/job.c.
    it "forgets its job ends it, as soon as the job is collected" do
      server = assigning(*Array.new(20) { |n| n.to_s })
      worker_for(server, prefetch: 19).register_function("f", async: true) { nil }.work
      eventually do
        GC.start
        terminal(server).size >= 15 # some may still be seen from a stack
      end
      expect(terminal(server).map(&:first).uniq).to eq([:work_fail])
    end

    # Fails when jobs are grabbed as long as there are some: drop the sum in room_p in session/worker_session.c.
    it "keeps its job has one, and with prefetch so many more; the rest is for others" do
      [[0, 1], [3, 4]].each do |prefetch, most|
        server = assigning(*Array.new(1000) { |n| n.to_s })
        held = []
        worker = worker_for(server, prefetch: prefetch).register_function("f", async: true) { |job| held << job }.work
        eventually { held.size == most }
        worker.echo("nothing more")
        eventually { server.commands.last == :echo_req }
        expect([held.size, server.commands.count(:grab_job_uniq)]).to eq([most, most])
      end
    end
  end

  # Fails when a sleeper waits to be woken: gearmand 1.1.20 wakes nobody for a job that becomes due. Let poll_at in
  # session/grab.c answer INFINITY.
  it "asks from time to time while it sleeps, and takes the job that a poll finds" do
    server = fake_server do |peer|
      peer.skip_to(:grab_job_uniq) && peer.send(:no_job)
      3.times { peer.expect(:pre_sleep) }
      peer.send(:noop)
      peer.skip_to(:grab_job_uniq) && peer.send(:job_assign_uniq, "H:1", "f", "", "due") # maybe behind another poll
    end
    worker_for(server, poll_interval: 0.02).register_function("f", &:workload).work
    eventually { terminal(server).any? }
    expect(terminal(server)).to eq([[:work_complete, "H:1", "due"]])
  end

  # Fails when a worker waits in PRE_SLEEP for a NOOP that never comes because one was sent: drop POLLS_PER_GRAB.
  it "grabs now and then although nobody wakes it" do
    server = assigning
    worker_for(server, poll_interval: 0.01).register_function("f", &:workload).work
    eventually { server.commands.count(:grab_job_uniq) >= 4 }
  end

  # Fails when NOOP and NO_JOB in turns are answered as fast as they come: let `wake` in session/grab.c never rest.
  it "does not spin when it is woken for nothing" do
    server = fake_server do |peer|
      while (command, = peer.next)
        peer.send(:no_job) if command == :grab_job_uniq
        peer.send(:noop) if command == :pre_sleep
      end
    end
    worker_for(server, poll_interval: nil).register_function("f", &:workload).work
    loop.run(0.5)
    expect(server.commands.count(:grab_job_uniq)).to be_between(3, 100)
  end

  describe "that returns text of another encoding" do
    # Fails when characters are counted where bytes are meant.
    it "sends every byte of it" do
      worker_for(shared_server).register_function(name) { |job| job.send_data("é" * 3) && "éàü" * 100 }.work
      data = []
      result = client_for(shared_server).submit_job(name, "ßßßß", on_data: ->(bytes) { data << bytes }).value
      expect([result, data]).to eq([("éàü" * 100).b, [("é" * 3).b]])
    end
  end

  # Fails when the message is not cut to what a packet takes: the job is then neither answered nor failed, and goes round
  # by connections that are closed.
  it "that raises more than a packet takes says as much as that takes" do
    server = assigning("x")
    worker = worker_for(server, max_packet: 100, on_callback_error: ->(error, _) { errors << error.message.size })
    worker.register_function("f") { |_job| raise "x" * 500 }.work
    eventually { terminal(server).any? }
    expect([terminal(server), errors]).to eq([[[:work_exception, "H:vm:1", "x" * 93]], [500]])
  end

  # Fails when max_unsent bounds requests only: drop evg_session_room from `report`, and all of it lies in memory. Or when who
  # was refused finds no room later although the server has read on: drop session_with_room; it then never ends.
  it "that says more than the server reads waits for it" do
    server = assigning("x")
    most = refused = 0
    worker = worker_for(server, max_unsent: 100_000)
    worker.register_function("f") do |job|
      300.times do
        job.send_data("x" * 50_000)
        most = [most, worker.unsent_bytes].max
      rescue EVGearman::BackpressureError
        refused += 1
        sleep 0.001
        retry
      end
      "end"
    end
    worker.work
    eventually { terminal(server).any? }
    expect(terminal(server)).to eq([[:work_complete, "H:vm:1", "end"]])
    expect([server.commands.count(:work_data), most < 200_000, refused.positive?]).to eq([300, true, true])
  end

  describe "that is given what is larger than it takes" do
    # Fails when the connection is closed for it: the job comes back, and every other job of the worker is lost each time.
    it "fails that job by its handle, tells whose it was, and goes on with the others" do
      told = []
      worker = worker_for(shared_server, max_packet: 100_000, concurrency: 2, on_callback_error: ->(*args) { told << args })
      gate = Thread::Queue.new
      worker.register_function(name) { gate.pop }.work
      client = client_for(shared_server)
      other = client.submit_job(name)
      large = client.submit_job(name, "x" * 3_000_000)
      expect(large.wait(Examples::PATIENCE).error).to be_a(EVGearman::JobFailedError)
      gate << "the other"
      expect(other.value(Examples::PATIENCE)).to eq("the other")
      eventually { told.any? }
      expect(told).to match([[be_a(EVGearman::PacketTooLargeError).and(have_attributes(message: /\Apayload too large: 3000\d+ bytes, of #{large.handle} /)),
                              "job #{large.handle}"]])
      expect([worker.stats[:reconnects], errors]).to eq([0, []])
    end

    it "tells grab_job" do
      worker = worker_for(shared_server, max_packet: 1000).can_do(name)
      client = client_for(shared_server)
      created = false
      large = client.submit_job(name, "x" * 3000).on_created { created = true }
      eventually { created }
      expect(worker.grab_job.wait(Examples::PATIENCE).error).to be_a(EVGearman::PacketTooLargeError)
      expect(large.wait(Examples::PATIENCE).error).to be_a(EVGearman::JobFailedError)
    end
  end

  # Fails when the connection is closed for it, under all others.
  it "whose result is larger than its client takes costs that job only" do
    worker = worker_for(shared_server, concurrency: 2).register_function(name) { |job| "y" * job.workload.to_i }.work
    client = client_for(shared_server, max_packet: 100_000)
    tasks = [10, 3_000_000, 20].map { |size| client.submit_job(name, size.to_s) }
    tasks.each { |task| task.wait(Examples::PATIENCE) }
    expect(tasks[1].error).to be_a(EVGearman::PacketTooLargeError).and have_attributes(delivery: :running)
    expect([tasks[0].value.size, tasks[2].value.size, client.stats[:reconnects], worker.stats[:reconnects]]).to eq([10, 20, 0, 0])
    expect(client.call(name, "30").size).to eq(30)
  end

  describe "whose answer is larger than a packet may be" do
    # Fails when the packet is sent and refused by who reads it: drop max_body from evg_packet_encode.
    it "fails the job by name and keeps the connection" do
      server = assigning("x", "y")
      told = []
      worker = worker_for(server, max_packet: 1000, on_callback_error: ->(error, _) { told << error.class })
      worker.register_function("f") { |job| job.workload == "x" ? "x" * 1001 : "small" }.work
      eventually { terminal(server).size == 2 }
      expect(terminal(server)).to eq([[:work_exception, "H:vm:1", "payload too large, of f H:vm:1 (#{server.url})"], [:work_complete, "H:vm:1", "small"]])
      expect([told, server.peers.size]).to eq([[EVGearman::PacketTooLargeError], 1])
    end
  end
end
