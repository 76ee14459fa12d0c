# frozen_string_literal: true

# Whose answer is it? What can go wrong when one connection carries the questions of many.
RSpec.describe "An answer" do
  let(:name) { function }

  # Fails when one copy of an event reaches every waiter, or one waiter every copy: let evg_jobs_turn always answer the
  # first of the ring.
  it "to several submissions with one key comes to each of them once" do
    server = fake_server do |peer|
      3.times { peer.expect(:submit_job) && peer.send(:job_created, "H:1") }
      [%w[a], %w[b]].each { |args| 3.times { peer.send(:work_data, "H:1", *args) } }
      3.times { peer.send(:work_status, "H:1", "1", "2") }
      3.times { peer.send(:work_complete, "H:1", "result") }
    end
    client = client_for(server)
    heard = Array.new(3) { [] }
    tasks = heard.map do |list|
      client.submit_job("f", unique: "key", on_data: ->(bytes) { list << bytes }, on_status: ->(*n) { list << n })
    end
    expect(tasks.map(&:value)).to eq(["result"] * 3)
    expect(heard).to eq([["a", "b", %w[1 2]]] * 3)
  end

  # Fails when who gave up is forgotten while its job goes on: remove the ghost in leave_job in session/client_session.c.
  it "for who gave up is not given to the others who wait for the same job" do
    server = fake_server do |peer|
      2.times { peer.expect(:submit_job) && peer.send(:job_created, "H:1") }
      peer.expect(:echo_req)
      peer.send(:work_data, "H:1", "one")
      peer.send(:work_data, "H:1", "one")
      2.times { peer.send(:work_complete, "H:1", "result") }
    end
    client = client_for(server)
    impatient = client.submit_job("f", unique: "key", timeout: 0.05)
    heard = []
    patient = client.submit_job("f", unique: "key", on_data: ->(bytes) { heard << bytes })
    expect(impatient.wait.error).to be_a(EVGearman::JobTimeoutError)
    client.echo("now")
    expect([patient.value, heard]).to eq(["result", ["one"]])
  end

  # Fails when a late result goes to the next in line rather than by its handle.
  it "that comes too late is nobody's: the next job gets its own" do
    server = fake_server do |peer|
      peer.expect(:submit_job) && peer.send(:job_created, "H:1")
      peer.expect(:submit_job) && peer.send(:work_complete, "H:1", "late")
      peer.send(:job_created, "H:2")
      peer.send(:work_data, "H:1", "later still")
      peer.send(:work_complete, "H:2", "its own")
    end
    client = client_for(server)
    expect(client.submit_job("f", timeout: 0.05).wait.error).to be_a(EVGearman::JobTimeoutError)
    heard = []
    expect(client.submit_job("f", on_data: ->(bytes) { heard << bytes }).value).to eq("its own")
    expect(heard).to be_empty
  end

  # Fails when what expires takes its place in the queue of answers along: drop evg_session_stand_in. The next question
  # would get this one's JOB_CREATED.
  it "for a job whose time was up before JOB_CREATED is still waited for" do
    server = fake_server do |peer|
      peer.expect(:submit_job)
      peer.expect(:echo_req)
      peer.send(:job_created, "H:1")
      peer.send(:echo_res, "echo")
      peer.send(:work_complete, "H:1", "nobody's")
    end
    client = client_for(server)
    expect(client.submit_job("f", timeout: 0.05).wait.error).to be_a(EVGearman::JobTimeoutError)
    expect(client.echo("echo").value).to eq("echo")
    expect(client.stats).to include(submitted: 2, resolved: 2, reconnects: 0)
  end

  # Fails when a handle outlives its job: leave it in the table of evg_client_work.
  it "behind the end of a job is nobody's, whatever it says" do
    ends = { work_complete: ["r"], work_fail: [], work_exception: ["e"] }
    ends.keys.product(ends.keys).each do |first, second|
      server = fake_server do |peer|
        peer.expect(:submit_job) && peer.send(:job_created, "H:1")
        [first, second, second].each { |packet| peer.send(packet, "H:1", *ends[packet]) }
        peer.send(:work_data, "H:1", "late")
        peer.send(:echo_res, *peer.expect(:echo_req))
      end
      client = client_for(server)
      told = []
      client.submit_job("f", on_data: ->(bytes) { told << bytes }) { |result, error| told << (result || short(error)) }
      expect(client.echo("aligned").value).to eq("aligned")
      said = { work_complete: "r", work_fail: "job failed", work_exception: "exception: e" }
      expect([told, client.stats[:ignored_packets]]).to eq([[said[first]], 3])
    end
  end

  # Fails when the first half of a packet is put in front of what the next connection says: drop evg_buffer_clear from
  # drop_connection in session/session.c.
  { "ends" => :close, "is reset" => :reset }.each do |what, ending|
    it "whose connection #{what} anywhere in it is none, and does not spoil the next connection" do
      created = EVGearman::Protocol.encode(:job_created, "H:1", magic: :res)
      completed = EVGearman::Protocol.encode(:work_complete, "H:1", "result", magic: :res)
      both = created + completed
      (0...both.bytesize).each do |cut|
        server = fake_server do |peer|
          peer.expect(:submit_job)
          peer.write(peer.number.zero? ? both.byteslice(0, cut) : both)
          peer.public_send(ending) if peer.number.zero?
        end
        client = client_for(server, reconnect_delay: 0.001)
        expect(client.submit_job("f").wait(Examples::PATIENCE).error)
          .to have_attributes(class: EVGearman::DisconnectedError, delivery: cut < created.bytesize ? :unacknowledged : :accepted)
        expect(client.submit_job("f").value(Examples::PATIENCE)).to eq("result")
      end
    end
  end

  describe "that gearmand never gives" do
    # Fails when a key of 64 bytes is sent: gearmand answers none, and every answer behind it is one too early. Make
    # EVG_KEY_MAX 64.
    it "is not waited for: the question is refused" do
      client = client_for(shared_server)
      first = client.echo("first")
      ["x" * 64, "x" * 100, "", "a\0b"].each do |key|
        expect { client.get_status(key) }.to raise_error(ArgumentError)
        expect { client.get_status_unique(key) }.to raise_error(ArgumentError)
      end
      [2**63, 2**64, 1e300, Float::INFINITY, Float::NAN, -1].each do |time|
        expect { client.submit_job_epoch(name, "x", time) }.to raise_error(StandardError)
      end
      expect([first.value, client.echo("second").value]).to eq(%w[first second])
    end

    # Fails when the longest legal key is cut off somewhere: 63 bytes are one job, and can be asked for.
    it "does not exist for keys of 63 bytes" do
      client = client_for(shared_server)
      key = "k" * 63
      handles = Array.new(2) { client.submit_job_bg(name, "x", unique: key) }.map(&:value)
      expect(handles.uniq.size).to eq(1)
      expect(client.get_status_unique(key).value).to be_known
      expect(client.get_status("H" * 63).value).not_to be_known
    end
  end

  # Fails when the shape of an answer is guessed by how the command is written: compare the words in evg_admin_find as
  # they are. The rest of one answer would be the next.
  it "to any text command ends where it ends, however that is written" do
    client = client_for(own_server)
    client.enqueue("f", "x", unique: "key-1")
    lines = ["STATUS", "status", "Status ", "status x", "show jobs", "SHOW  Unique Jobs", "WORKERS", "version", "VERSION x",
             "PriorityStatus", "getpid", "verbose", "nonsense", "show", "cancel job H:none:1", "maxqueue", "maxqueue f 10"]
    asked = lines.map { |line| [client.admin(line), client.echo(line)] }
    asked.each { |task, _| task.wait(Examples::PATIENCE) }
    expect(asked.map { |_, echo| echo.value(Examples::PATIENCE) }).to eq(lines)
    expect(client.stats[:reconnects]).to eq(0)
    expect { client.admin("version\nversion") }.to raise_error(ArgumentError)
  end

  # Fails when a packet above the limit is sent and its echo refused, with all that is on the connection: drop max_body
  # from evg_packet_encode.
  it "that would be too long is not asked for: the connection stays" do
    server = fake_server { |peer| peer.send(:echo_res, *peer.expect(:echo_req)) }
    client = client_for(server, max_packet: 1000)
    waiting = client.echo("waits")
    too_long = "x" * 1001
    [-> { client.echo(too_long) }, -> { client.submit_job("f", too_long) }, -> { client.submit_job_bg("f", too_long) },
     -> { client.submit_job_epoch("f", too_long, 1) }, -> { client.submit_job_high("f", too_long) }].each do |ask|
      expect(&ask).to raise_error(EVGearman::PacketTooLargeError, /\Apayload too large/)
    end
    expect(waiting.value).to eq("waits")
    expect(server.commands.count { |command| %i[text option_req].include?(command) }).to eq(server.commands.size - 1)
  end

  # Fails when the limit is only asked when the packet lies in memory: 257 MiB are not copied.
  it "to 257 MiB is not asked for, and costs nothing" do
    client = client_for(fake_server)
    payload = "x" * (257 << 20)
    expect { client.echo(payload) }.to raise_error(EVGearman::PacketTooLargeError)
    expect { client.submit_job("f", payload) }.to raise_error(EVGearman::PacketTooLargeError)
    expect(client.stats).to include(submitted: 0, write_capacity: 0)
  end

  describe "in the order of the questions:" do
    # Fails when what waited is queued behind what on_connect asks: tell of the connection before `requeue` in
    # session/session.c.
    it "what was asked before the connection goes before what on_connect asks" do
      server = fake_server
      client = client_for(server)
      client.on_connect { client.submit_job_bg("f", "3", unique: nil) }
      2.times { |n| client.submit_job_bg("f", (n + 1).to_s, unique: nil) }
      eventually { server.commands.count(:submit_job_bg) == 3 }
      expect(server.received.filter_map { |command, *args| args.last if command == :submit_job_bg }).to eq(%w[1 2 3])
    end

    # Fails when the answer of a text command and those of packets are kept in two queues.
    it "text and packets in turns" do
      client = client_for(shared_server)
      seen = []
      100.times do |n|
        client.server_version { seen << [:version, n] }
        client.echo("x") { seen << [:echo, n] }
        client.server_status { seen << [:status, n] }
      end
      client.echo("end").value
      expect(seen).to eq((0...100).flat_map { |n| [[:version, n], [:echo, n], [:status, n]] })
    end
  end

  # Fails when jobs without a key share the empty one: let unique_of in binding/values/unique.c answer nil for :auto. A queue on
  # disk then keeps one job per function.
  it "of a queue on disk is every job that was acknowledged, after the server was killed" do
    server = own_gearmand("--queue-type=libsqlite3", "--libsqlite3-db=queue")
    client = client_for(server, reconnect_delay: 0.01)
    tasks = Array.new(200) { |n| client.submit_job_bg(name, "now #{n}") }
    tasks += Array.new(10) { |n| client.submit_job_epoch(name, "due #{n}", 1) }
    expect(EVGearman::Task.all(tasks, Examples::PATIENCE).uniq.size).to eq(210)
    server.kill
    server.restart
    seen = []
    worker_for(server, prefetch: 16).register_function(name) { |job| seen << job.workload && nil }.work
    eventually { seen.size >= 210 }
    expect(seen.uniq.size).to eq(210)
  end
end
