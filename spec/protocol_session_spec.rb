# frozen_string_literal: true

require "socket"

# Sessions whose bytes and time the examples carry.
RSpec.describe EVGearman::Protocol::Session do
  def client_session(**options) = EVGearman::Protocol::ClientSession.new(now: 0, exceptions: false, **options)
  def worker_session(**options) = EVGearman::Protocol::WorkerSession.new(now: 0, exceptions: false, **options)
  def res(*packet) = EVGearman::Protocol.encode(*packet, magic: :res)

  # What a session wrote since the last look.
  def written(session) = EVGearman::Protocol::Parser.new(magic: :req, text: true).feed(session.output)

  # It is open, the server is known, and all of that was told.
  def introduced(session, version = "OK 1.1.20\n")
    session.opened
    session.output
    session.feed(version)
    session.tap { |it| yield it if block_given? }
  end

  # A server of a few lines: it answers one packet after the other.
  def serve(session)
    written(session).flat_map { |packet| session.feed(yield(*packet) || "") }
  end

  let(:session) { introduced(client_session) }
  let(:worker) { introduced(worker_session) { |it| it.register_function("f").work } }

  after do
    [session, worker].each do |it|
      stats = it.stats
      expect(stats[:submitted]).to eq(stats[:resolved] + stats[:pending])
    end
  end

  describe "of a client" do
    it "needs no more than bytes" do
      request = session.submit_job("reverse", "hello")
      expect(written(session)).to eq([[:submit_job, "reverse", "", "hello"]])
      session.feed(res(:job_created, "H:1"))
      expect([request.done?, request.handle, request.result]).to eq([false, "H:1", nil])
      session.feed(res(:work_complete, "H:1", "olleh"))
      expect([request.done?, request.success?, request.value, request.error]).to eq([true, true, "olleh", nil])
    end

    it "makes every request of a client" do
      session.submit_job("f", "w", unique: "u")
      session.submit_job_high("f", "w")
      session.submit_job_low("f", "w")
      session.submit_job_bg("f", "w", unique: nil)
      session.submit_job_high_bg("f", "w", unique: "")
      session.submit_job_low_bg("f", "w", unique: "u")
      session.submit_job_epoch("f", "w", Time.at(5.5), unique: nil)
      session.get_status("H:1")
      session.get_status_unique("u")
      session.echo("data")
      session.option("exceptions")
      session.admin("status")
      session.set_client_id("me")
      expect(written(session)).to eq(
        [[:submit_job, "f", "u", "w"], [:submit_job_high, "f", "", "w"], [:submit_job_low, "f", "", "w"],
         [:submit_job_bg, "f", "", "w"], [:submit_job_high_bg, "f", "", "w"], [:submit_job_low_bg, "f", "u", "w"],
         [:submit_job_epoch, "f", "", "6", "w"], [:get_status, "H:1"], [:get_status_unique, "u"], [:echo_req, "data"],
         [:option_req, "exceptions"], [:text, "status"], [:set_client_id, "me"]]
      )
      expect([session.client_id, session.dialect]).to eq(["me", :gearmand])
    end

    it "makes the value that a client makes" do
      requests = [session.echo("x"), session.submit_job_bg("f"), session.get_status("H:1"), session.get_status_unique("u"),
                  session.option("exceptions"), session.admin("status"), session.admin("version")]
      session.output
      session.feed([res(:echo_res, "x"), res(:job_created, "H:2"), res(:status_res, "H:1", "1", "0", "3", "4"),
                    res(:status_res_unique, "u", "1", "1", "0", "0", "2"), res(:option_res, "exceptions"),
                    "f\t1\t0\t0\n.\n", "OK 1\n"].join)
      expect(requests.map(&:value)).to match(
        ["x", "H:2", have_attributes(handle: "H:1", ratio: 0.75), have_attributes(unique: "u", client_count: 2), true,
         "f\t1\t0\t0\n", "OK 1"]
      )
    end

    it "makes every request that a client has in text, and the values of those" do
      asked = { server_status: [], priority_status: [], server_workers: [], jobs: [], unique_jobs: [], server_version: [],
                server_pid: [], server_verbosity: [], maxqueue: ["f", 5], cancel_job: ["H:1"], create_function: ["f"],
                drop_function: ["f", { force: true }], shutdown_server: [{ graceful: true }] }
      requests = asked.map { |name, args| session.public_send(name, *args.grep_v(Hash), **args.grep(Hash).first.to_h) }
      expect(written(session).map(&:last)).to eq(
        ["status", "prioritystatus", "workers", "show jobs", "show unique jobs", "version", "getpid", "verbose", "maxqueue f 5",
         "cancel job H:1", "create function f", "drop function f", "shutdown graceful"]
      )
      session.feed("f\t3\t1\t2\n.\nf\t1\t2\t3\t4\n.\n7 ::1 me : f\n.\nH:1\t0\t0\t1\n.\nkey\n.\nOK 1.2\nOK 42\nOK INFO\n")
      session.feed("OK\r\nERR UNKNOWN_JOB\r\nOK\r\nOK\r\nOK\n")
      rows = requests.first(4).map { |request| request.value.map(&:to_a) }
      expect(rows).to eq([[["f", 3, 1, 2]], [["f", 1, 2, 3, 4]], [[7, "::1", "me", ["f"]]], [["H:1", 0, 0, 1]]])
      expect(requests[4..8].map(&:value)).to eq([["key"], "1.2", 42, "INFO", true])
      expect([requests[9].error.class, *requests.last(3).map(&:value)]).to eq([EVGearman::JobNotFoundError, true, true, true])
      expect { session.maxqueue("a b") }.to raise_error(ArgumentError)
      expect { session.drop_function("f") }.to raise_error(ArgumentError, /force: true/)
    end

    it "makes a key where a background job has none" do
      session.submit_job_bg("f")
      expect(written(session)[0][2]).to match(/\A\h{16}-\d+\z/)
    end

    it "keeps what is asked for before there is a transport, in order, behind what every connection begins with" do
      early = client_session(client_id: "me")
      requests = [early.echo("1"), early.submit_job("f")]
      expect([early.wants_open?, early.output, early.waiting_count]).to eq([true, "", 2])
      early.opened
      expect(written(early)).to eq([[:text, "version"], [:set_client_id, "me"], [:echo_req, "1"], [:submit_job, "f", "", ""]])
      expect([early.pending_count, early.waiting_count, early.unsent_bytes]).to eq([2, 0, 0])
      early.feed("OK 1\n#{res(:echo_res, "1")}#{res(:job_created, "H:1")}")
      expect(requests.map(&:done?)).to eq([true, false])
      expect(early.active_count).to eq(1)
    end

    it "tells the outcome to the block of a request, before the event" do
      told = []
      session.echo("x") { |*outcome| told << outcome }
      session.submit_job("f") { |*outcome| told << outcome }
      session.output
      bytes = [res(:echo_res, "x"), res(:job_created, "H:1"), res(:work_fail, "H:1")].join
      session.feed(bytes) { |name, *| told << name }
      expect(told).to match([["x", nil], :done, :created, [nil, be_a(EVGearman::JobFailedError)], :done])
    end

    it "refuses what the server could not bear, and has nothing pending then" do
      expect { session.submit_job("") }.to raise_error(ArgumentError)
      expect { session.submit_job("f", 5) }.to raise_error(TypeError)
      expect { session.submit_job("f", timeout: -1) }.to raise_error(ArgumentError)
      expect { session.submit_job_epoch("f", "", "tomorrow") }.to raise_error(ArgumentError)
      expect { session.get_status("") }.to raise_error(ArgumentError)
      expect { session.admin("a\nb") }.to raise_error(ArgumentError)
      expect([session.output, session.stats[:submitted]]).to eq(["", 0])
    end

    it "knows back-pressure" do
      small = introduced(client_session(max_unsent: 100))
      small.echo("x" * 200)
      expect { small.echo("y") }.to raise_error(EVGearman::BackpressureError)
      small.output
      expect(small.events).to eq([[:drained]])
      expect(small.echo("y")).not_to be_done
    end
  end

  describe "its events" do
    let(:request) { session.submit_job("f").tap { session.output } }
    let(:stream) do
      [res(:job_created, "H:1"), res(:work_status, "H:1", "1", "2"), res(:work_data, "H:1", "d"),
       res(:work_warning, "H:1", "w"), res(:work_complete, "H:1", "r")].join
    end
    let(:events) do
      [[:created, request, "H:1"], [:status, request, "1", "2"], [:data, request, "d"], [:warning, request, "w"],
       [:done, request, "r", nil]]
    end

    before { request }

    it "come as an Array" do
      expect(session.feed(stream)).to eq(events)
    end

    it "come to a block, which is given a name and what it is about" do
      told = []
      expect(session.feed(stream) { |*event| told << event }).to be(session)
      expect(told).to eq(events)
    end

    it "are the same byte by byte" do
      expect(stream.each_char.flat_map { |byte| session.feed(byte) }).to eq(events)
    end

    (1..7).each do |size|
      it "are the same in pieces of #{size}" do
        expect(stream.scan(/.{1,#{size}}/mn).flat_map { |piece| session.feed(piece) }).to eq(events)
      end
    end

    it "are told once, though the block raises, throws or breaks" do
      told = []
      expect { session.feed(stream) { |*event| (told << event) && raise(IOError) } }.to raise_error(IOError)
      catch(:out) { session.feed("") { |*event| (told << event) && throw(:out) } }
      session.feed("") { |*event| break told << event }
      expect(told + session.events).to eq(events)
      expect(session.events).to eq([])
    end

    it "are told once, in order, though the block of a request raises" do
      bad = session.echo("x") { raise IOError }
      session.output
      expect { session.feed(stream + res(:echo_res, "x") + res(:work_data, "H:9", "")) }.to raise_error(IOError)
      expect(bad.value).to eq("x")
      expect(session.events).to eq(events)
    end

    it "come in order to a block that feeds again, and makes requests" do
      told = []
      later = nil
      head, tail = stream[0, 40], stream[40..]
      session.feed(head) do |name, *|
        told << name
        next unless name == :created

        later = session.echo("later")
        session.feed(tail) { |inner, *| told << inner }
      end
      expect(told).to eq(events.map(&:first))
      expect(written(session)).to eq([[:echo_req, "later"]])
      session.feed(res(:echo_res, "later"))
      expect(later.value).to eq("later")
    end

    it "tell of an exception once: as the error, or before it where it does not end the job" do
      session.feed(res(:job_created, "H:1"))
      expect(session.feed(res(:work_exception, "H:1", "oh"))).to match([[:done, request, nil, have_attributes(data: "oh")]])
      perl = introduced(client_session, "v1.130\n")
      other = perl.submit_job("f")
      perl.output
      told = perl.feed([res(:job_created, "H:1"), res(:work_exception, "H:1", "oh"), res(:work_fail, "H:1")].join)
      expect(told.map(&:first)).to eq(%i[created exception done])
      expect(other.error).to be_a(EVGearman::JobExceptionError).and have_attributes(data: "oh", handle: "H:1", server: nil)
    end
  end

  describe "its output" do
    it "is taken once" do
      session.echo("x")
      expect([session.output.bytesize, session.output, session.stats[:bytes_out]]).to eq([13, "", 13 + "version\n".bytesize])
    end

    # Fails when only the passing of time gives it back: whoever carries the bytes need not carry the time.
    it "and its input leave no large buffers" do
      payload = "x" * (4 << 20)
      request = session.echo(payload)
      session.output
      session.feed(res(:echo_res, payload))
      GC.start
      expect([request.value == payload, session.stats.values_at(:read_capacity, :write_capacity)]).to eq([true, [0, 0]])
    end

    it "goes to a block as far as that writes it" do
      session.echo("x" * 100_000)
      wire = +""
      sizes = [10, :wait_writable, 0]
      expect(session.output { |bytes| sizes.shift.tap { |n| wire << bytes[0, n] if n.is_a?(Integer) } }).to be(false)
      expect(session.output { sizes.shift }).to be(false)
      expect(session.output { sizes.shift }).to be(false)
      given = []
      expect(session.output { |bytes| given << bytes.bytesize and (wire << bytes) && bytes.bytesize }).to be(true)
      expect(given).to eq([65_536, 100_012 - 10 - 65_536])
      expect(wire).to eq(EVGearman::Protocol.encode(:echo_req, "x" * 100_000))
    end

    it "is not written when the block raises" do
      session.echo("x")
      expect { session.output { raise IOError } }.to raise_error(IOError)
      expect(written(session)).to eq([[:echo_req, "x"]])
    end

    it "is not written more often than it was given" do
      session.echo("x")
      expect { session.output { nil } }.to raise_error(TypeError)
      expect { session.output { -1 } }.to raise_error(ArgumentError)
      expect { session.output { |bytes| bytes.bytesize + 1 } }.to raise_error(ArgumentError)
      expect { session.output { session.output.bytesize } }.to raise_error(EVGearman::ConcurrencyError)
      expect(session.output { raise "nothing is left" }).to be(true)
    end

    it "is not to expire while it is written" do
      slow = introduced(client_session(heartbeat: nil))
      expired = slow.echo("x")
      slow.tick(10)
      other = slow.echo("y")
      half = ->(bytes) { slow.tick(30) && (bytes.bytesize / 2) }
      expect { slow.output(&half) }.to raise_error(EVGearman::ConcurrencyError, "output has changed meanwhile")
      expect([expired.done?, other.done?, written(slow)]).to eq([true, false, [[:echo_req, "y"]]])
    end

    it "is behind what was given when the block makes requests" do
      session.echo("x")
      given = []
      session.output do |bytes|
        session.echo("y") if given.empty?
        given << bytes
        bytes.bytesize
      end
      expect(given).to eq(%w[x y].map { |data| EVGearman::Protocol.encode(:echo_req, data) })
    end

    it "counts for nothing when the transport goes meanwhile" do
      request = session.echo("x")
      session.output { |bytes| session.closed && bytes.bytesize }
      expect([session.open?, request.done?]).to eq([false, false])
      session.opened
      expect(written(session)).to eq([[:text, "version"], [:echo_req, "x"]])
    end

    it "tells what was sent and what was not, to the byte" do
      sent, half, unsent = Array.new(3) { |n| session.echo(n.to_s) }
      session.output { 20 }
      session.closed
      expect([sent, half].map(&:error)).to all(have_attributes(class: EVGearman::DisconnectedError, delivery: :unacknowledged))
      expect([unsent.done?, session.waiting_count]).to eq([false, 1])
    end
  end

  describe "its transport" do
    it "opens, is lost and opens again" do
      life = client_session(reconnect_delay: 0)
      told = [life.opened, life.closed, life.opened, life.closed("Connection reset by peer")].flatten(1)
      expect(told.map(&:first)).to eq(%i[connected disconnected error connected disconnected error])
      expect(told.filter_map { |name, error| error.message if name == :error })
        .to eq(["connection closed by server", "connection failed: Connection reset by peer"])
      expect(life.stats[:reconnects]).to eq(1)
    end

    it "opens once at a time, and takes bytes only while it is open" do
      down = client_session
      expect { down.feed("") }.to raise_error(EVGearman::ConnectionError, "not open")
      down.opened
      expect { down.opened }.to raise_error(EVGearman::ConnectionError, /\Aalready connected/)
      expect { down.open_failed }.to raise_error(EVGearman::ConnectionError, /\Aalready connected/)
      down.closed
      expect([down.closed, down.open?]).to eq([[], false])
    end

    it "that cannot be made leaves requests waiting" do
      down = client_session(reconnect_delay: 4)
      request = down.echo("x")
      told = down.open_failed(Errno::ECONNREFUSED.new)
      expect(told).to match([[:error, be_a(EVGearman::ConnectError).and(have_attributes(message: /connect failed: .*refused/i))]])
      expect([request.done?, down.wants_open?]).to eq([false, false])
      expect(down.deadline).to be_between(0, 4)
      down.tick(4)
      expect(down.wants_open?).to be(true)
    end

    it "that cannot be made fails requests when there is no second attempt" do
      down = client_session(reconnect: false)
      request = down.echo("x")
      down.open_failed("no route")
      expect(request.error).to be_a(EVGearman::ConnectError)
        .and have_attributes(message: "connect failed: no route", delivery: :not_sent, retriable?: true)
    end

    it "ends by disconnect without an error" do
      request = session.echo("x")
      expect(session.disconnect).to match([[:done, request, nil, have_attributes(message: /\Adisconnected/)], [:disconnected]])
      expect([session.disconnect, session.wants_open?, session.deadline]).to eq([[], false, nil])
    end
  end

  describe "its time" do
    it "stands still between ticks" do
      request = session.echo("x")
      session.output
      expect(session.deadline).to be <= 20
      session.tick(29)
      session.tick(5)
      expect(request).not_to be_done
    end

    it "ends a request that has no answer, and the transport" do
      quick = introduced(client_session(command_timeout: 5, heartbeat: nil))
      overdue, other = quick.echo("x"), quick.echo("y")
      quick.output
      expect(quick.deadline).to eq(5)
      expect(quick.tick(4.9)).to eq([])
      told = []
      expect { quick.tick(5) { |*event| told << event } }.to raise_error(EVGearman::CommandTimeoutError, /\Acommand timeout/)
      expect([overdue, other].map { |request| request.error.class })
        .to eq([EVGearman::CommandTimeoutError, EVGearman::DisconnectedError])
      expect(told.map(&:first)).to eq(%i[done done disconnected error])
      expect(quick.open?).to be(false)
    end

    it "ends a request that was never written, and nothing else" do
      quick = introduced(client_session(command_timeout: 5, heartbeat: nil))
      request = quick.echo("x")
      expect(quick.tick(5).map(&:first)).to eq([:done])
      expect(request.error).to be_a(EVGearman::CommandTimeoutError).and have_attributes(delivery: :not_sent)
      expect([quick.output, quick.open?]).to eq(["", true])
    end

    it "asks whether anybody is there, and gives up on nobody" do
      quiet = introduced(client_session(heartbeat: 20))
      expect(quiet.deadline).to eq(20)
      quiet.tick(20)
      expect(written(quiet)).to eq([[:echo_req, "heartbeat"]])
      expect { quiet.tick(40) }.to raise_error(EVGearman::CommandTimeoutError)
    end

    it "ends a job that takes too long, and swallows what comes of it later" do
      request = session.submit_job("f", timeout: 3)
      session.output
      session.feed(res(:job_created, "H:1"))
      expect(session.tick(3)).to match([[:done, request, nil, be_a(EVGearman::JobTimeoutError)]])
      expect(session.feed(res(:work_complete, "H:1", "late"))).to eq([])
      expect(session.open?).to be(true)
    end

    it "is a number" do
      expect { session.tick(nil) }.to raise_error(ArgumentError, /\Anow: /)
      expect { session.tick(Float::NAN) }.to raise_error(ArgumentError)
      expect { client_session(command_timeout: -1) }.to raise_error(ArgumentError)
    end

    it "passes for a sleeping worker, too: it asks again" do
      worker.output
      worker.feed(res(:no_job))
      expect(written(worker)).to eq([[:pre_sleep]])
      expect(worker.deadline).to be_between(0.75, 1)
      worker.tick(1)
      expect(written(worker)).to eq([[:pre_sleep]])
    end
  end

  describe "when the server breaks the protocol" do
    {
      "a reply that nobody asked for" => [["echo_res", "y"], "unexpected reply: ECHO_RES to GET_STATUS"],
      "a reply to something else" => [["job_created", "H:1"], "unexpected reply: JOB_CREATED to GET_STATUS"],
      "the magic of a request" => [["noop"], "invalid response magic", :req]
    }.each do |what, (packet, message, magic)|
      it "by #{what}, it raises, and nobody gets a foreign answer" do
        requests = [session.get_status("H:1"), session.echo("y")]
        session.output
        told = []
        bytes = EVGearman::Protocol.encode(*packet, magic: magic || :res)
        expect { session.feed(bytes) { |*event| told << event } }.to raise_error(EVGearman::ProtocolError, message)
        expect(requests.map(&:error)).to all(be_a(EVGearman::DisconnectedError))
        expect(told.map(&:first)).to eq(%i[done done disconnected error])
        expect(told.last.last).to be_a(EVGearman::ProtocolError).and have_attributes(message: message, server: nil)
        expect(session.open?).to be(false)
      end
    end

    it "keeps what was told before for the next call, when there is no block" do
      session.echo("x")
      session.output
      expect { session.feed("#{res(:echo_res, "x")}rubbish\n") }.to raise_error(EVGearman::ProtocolError)
      expect(session.events.map(&:first)).to eq(%i[done disconnected error])
      expect(session.events).to eq([])
    end

    it "raises once, also when the block leaves early" do
      session.echo("x")
      session.output
      session.feed("rubbish\n") { break }
      expect { session.events }.to raise_error(EVGearman::ProtocolError)
      expect(session.events.map(&:first)).to eq(%i[disconnected error])
    end

    it "is as new on the next transport" do
      expect { session.feed("\0XXX") }.to raise_error(EVGearman::ProtocolError)
      introduced(session)
      request = session.echo("again")
      serve(session) { |_, data| res(:echo_res, data) }
      expect(request.value).to eq("again")
    end

    it "tells what the server refused" do
      request = session.submit_job("f")
      serve(session) { res(:error, "QUEUE_ERROR", "Job queue is full") }
      expect(request.error).to be_a(EVGearman::QueueFullError)
        .and have_attributes(code: "QUEUE_ERROR", message: /\AQUEUE_ERROR: Job queue is full/)
      expect { request.value }.to raise_error(EVGearman::QueueFullError)
    end
  end

  describe "of a worker" do
    # The next job, as the server of the example gives it.
    def assigned(handle = "H:1", unique: "u", workload: "w")
      worker.output
      worker.feed(res(:job_assign_uniq, handle, "f", unique, workload)).last.last
    end

    it "is given jobs as events, and asks for one at a time" do
      expect(written(worker)).to eq([[:can_do, "f"], [:grab_job_uniq]])
      told = worker.feed(res(:job_assign_uniq, "H:1", "f", "u", "w"))
      expect(told.map(&:first)).to eq([:assigned])
      job = told[0][1]
      expect(job).to have_attributes(handle: "H:1", function: "f", unique: "u", workload: "w", data: "w", finished?: false)
      expect([written(worker), worker.busy_count, worker.idle?]).to eq([[], 1, false])
      expect(job.complete("result")).to be(true)
      expect(written(worker)).to eq([[:work_complete, "H:1", "result"], [:grab_job_uniq]])
      expect([job.finished?, worker.idle?]).to eq([true, true])
    end

    it "says what a worker says about a job" do
      job = assigned
      expect([job.send_data("d"), job.warning("w"), job.status(1, 2), job.exception(IOError.new("oh"))]).to all(be(true))
      expect(written(worker).first(4))
        .to eq([[:work_data, "H:1", "d"], [:work_warning, "H:1", "w"], [:work_status, "H:1", "1", "2"],
                [:work_exception, "H:1", "oh"]])
      %i[fail complete].each { |answer| expect { job.public_send(answer) }.to raise_error(EVGearman::JobFinishedError) }
      expect { job.send_data("") }.to raise_error(EVGearman::JobFinishedError)
      expect(assigned("H:2", unique: "").tap(&:fail).unique).to be_nil
      expect(written(worker)[0]).to eq([:work_fail, "H:2"])
    end

    it "refuses wrong arguments and sends nothing" do
      job = assigned
      expect { job.status(-1, 2) }.to raise_error(ArgumentError)
      expect { job.complete(5) }.to raise_error(TypeError)
      expect { job.exception(nil) }.to raise_error(TypeError)
      expect { worker.register_function("g") { nil } }.to raise_error(ArgumentError, /events/)
      expect([written(worker), job.finished?]).to eq([[], false])
    end

    it "announces, takes back and lists what it can do" do
      worker.can_do("g", server_timeout: 2)
      expect(written(worker)).to eq([[:can_do, "f"], [:can_do_timeout, "g", "2000"], [:grab_job_uniq]])
      worker.unregister_function("f")
      worker.feed(res(:no_job))
      expect([written(worker), worker.functions]).to eq([[[:pre_sleep], [:cant_do, "f"]], ["g"]])
      worker.reset_abilities
      expect([written(worker), worker.functions]).to eq([[[:reset_abilities]], []])
    end

    it "holds as many jobs as it may" do
      many = introduced(worker_session(concurrency: 3, prefetch: 1)) { |it| it.register_function("f").work }
      jobs = Array.new(4) do |n|
        many.output
        many.feed(res(:job_assign_uniq, "H:#{n}", "f", "", "")).last.last
      end
      expect([written(many), many.busy_count]).to eq([[], 4])
      jobs.reverse_each(&:complete)
      expect(written(many).first(4).map { |_, handle| handle }).to eq(%w[H:3 H:2 H:1 H:0])
    end

    it "does one job, and says when that is over" do
      one = introduced(worker_session) { |it| it.register_function("f").work_one }
      expect { one.work_one }.to raise_error(EVGearman::ConcurrencyError)
      one.output
      job = one.feed(res(:job_assign_uniq, "H:1", "f", "", "")).last.last
      job.complete
      expect([one.events, written(one), one.working?]).to eq([[[:stopped]], [[:work_complete, "H:1", ""]], false])
    end

    it "grabs one job when it is told to" do
      grabbing = introduced(worker_session) { |it| it.register_function("f") }
      none = grabbing.grab_job
      serve(grabbing) { |name| res(:no_job) if name == :grab_job_uniq }
      expect(none.error).to be_a(EVGearman::NoJobError)
      some = grabbing.grab_job
      told = serve(grabbing) { res(:job_assign_uniq, "H:1", "f", "u", "w") }
      expect(told).to eq([[:assigned, some.value], [:done, some, some.value, nil]])
      expect(some.value.workload).to eq("w")
    end

    it "grabs also before anybody knows that the server is Perl's" do
      grabbing = worker_session
      grabbing.register_function("f")
      request = grabbing.grab_job
      grabbing.opened
      expect(written(grabbing)).to eq([[:text, "version"], [:can_do, "f"], [:grab_job_uniq]])
      grabbing.feed("v1.130\n#{res(:error, "server_error", "Can't locate object method")}")
      expect([written(grabbing), request.done?]).to eq([[[:grab_job]], false])
      grabbing.feed(res(:job_assign, "H:1", "f", "w"))
      expect(request.value.workload).to eq("w")
    end

    it "loses its jobs with its transport: their answers go nowhere" do
      job = assigned
      expect(worker.closed.map(&:first)).to eq(%i[lost disconnected error])
      expect([job.lost?, job.send_data("d"), job.complete("r"), job.finished?]).to eq([true, false, false, true])
      worker.opened
      expect(written(worker)).to eq([[:text, "version"], [:can_do, "f"]])
    end

    it "fails a job whose time is up" do
      timed = introduced(worker_session) { |it| it.register_function("f", timeout: 3).work }
      timed.output
      job = timed.feed(res(:job_assign_uniq, "H:1", "f", "", "")).last.last
      expect(timed.deadline).to eq(3)
      expect(timed.tick(3)).to eq([[:expired, job]])
      expect([job.expired?, job.complete("late"), written(timed)[0]]).to eq([true, false, [:work_fail, "H:1"]])
    end

    it "stops when what it holds is finished" do
      job = assigned
      worker.work_stop
      expect([worker.events, worker.working?]).to eq([[], false])
      job.complete
      expect([worker.events, written(worker)]).to eq([[[:stopped]], [[:work_complete, "H:1", ""]]])
    end

    it "tells when it has nothing to do" do
      worker.output
      expect(worker.feed(res(:no_job))).to eq([[:idle]])
    end
  end

  describe "and the garbage collector" do
    it "keeps requests until they are done, without anybody else" do
      told = []
      100.times { |n| session.echo(n.to_s) { |data, _| told << data } }
      GC.start
      serve(session) { |_, data| res(:echo_res, data) }
      expect(told).to eq((0..99).map(&:to_s))
    end

    it "may come in any step" do
      stressed = introduced(client_session)
      bytes = [res(:echo_res, "x"), res(:job_created, "H:1"), res(:work_data, "H:1", "d"), res(:work_complete, "H:1", "r")].join
      GC.stress = true
      requests = [stressed.echo("x"), stressed.submit_job("f", unique: :auto)]
      stressed.output
      stressed.feed(bytes)
      GC.stress = false
      expect(requests.map(&:value)).to eq(%w[x r])
    ensure
      GC.stress = false
    end

    it "takes a session with all that is pending on it, in any order" do
      20.times do
        many = introduced(client_session)
        lost = introduced(worker_session(concurrency: nil)) { |it| it.register_function("f").work }
        20.times { |n| many.submit_job("f", n.to_s) }
        many.output
        many.feed(10.times.map { |n| res(:job_created, "H:#{n}") }.join)
        lost.output
        lost.feed(res(:job_assign_uniq, "H:1", "f", "", ""))
      end
      GC.start
      expect(introduced(client_session).events).to eq([])
    end

    it "fails a job that nobody can answer any more" do
      worker.output
      one = ->(session) { session.feed(res(:job_assign_uniq, "H:1", "f", "", "")) && nil }
      Thread.new(worker, &one).join
      eventually do
        GC.start
        worker.idle?
      end
      expect(written(worker)[0]).to eq([:work_fail, "H:1"])
    end

    # Fails when a job does not mark what it was given, or does not learn where it has moved.
    it "leaves jobs what they were given, wherever they move" do
      many = introduced(worker_session(concurrency: nil)) { |it| it.register_function("f").work }
      jobs = Array.new(100) do |n|
        many.output
        many.feed(res(:job_assign_uniq, "H:#{n}", "f", "u#{n}", "w#{n}" * 20)).last.last
      end
      move
      expect(jobs.map { |job| [job.function, job.unique, job.workload] })
        .to eq(Array.new(100) { |n| ["f", "u#{n}", "w#{n}" * 20] })
      lost = many.closed.filter_map { |event, job| job if event == :lost }
      expect(lost.map(&:object_id)).to eq(jobs.map(&:object_id))
    end

    it "does not copy a session" do
      expect { session.dup }.to raise_error(TypeError)
      expect { described_class::Request.new }.to raise_error(TypeError)
      expect { EVGearman::Protocol::WorkerSession::Job.allocate }.to raise_error(TypeError)
      expect { EVGearman::Protocol::ClientSession.allocate.output }.to raise_error(TypeError)
    end
  end

  it "knows the options of a session, and no others" do
    expect { client_session(keepalive: 5) }.to raise_error(ArgumentError, "unknown option: keepalive")
    expect { client_session(prefetch: 5) }.to raise_error(ArgumentError, "unknown option: prefetch")
    expect { client_session(max_packet: 0) }.to raise_error(ArgumentError)
    expect { client_session(max_packet: 9) }.to raise_error(ArgumentError)
    expect(client_session(max_packet: 10)).to be_a(described_class)
  end

  it "raises for the value of what is not done" do
    expect { session.echo("x").value }.to raise_error(EVGearman::Error, "not done yet")
  end

  describe "over sockets of its user" do
    let(:name) { function }

    # Carries bytes until the block is true; answers the events on the way.
    def converse(session, socket)
      told = []
      until yield
        socket.write(session.output)
        session.feed(socket.readpartial(65_536)) { |*event| told << event }
      end
      told
    end

    # A worker as a user would write it, on a thread: it ends with its socket.
    def reversing_worker(server, name)
      Thread.new do
        TCPSocket.open(server.host, server.port) do |socket|
          worker = EVGearman::Protocol::WorkerSession.new
          worker.register_function(name).work_one.opened
          done = false
          until done
            socket.write(worker.output)
            worker.feed(socket.readpartial(65_536)) do |event, job|
              job.complete(job.workload.reverse) if event == :assigned
              done = event == :stopped
            end
          end
          socket.write(worker.output)
        end
      end
    end

    it "a client is ten lines" do
      server = shared_server
      worker = reversing_worker(server, name)
      socket = TCPSocket.new(server.host, server.port)
      session = EVGearman::Protocol::ClientSession.new
      request = session.submit_job(name, "hello")
      session.opened
      until request.done?
        socket.write(session.output)
        session.feed(socket.readpartial(65_536))
      end
      expect(request.value).to eq("olleh")
    ensure
      socket&.close
      worker&.join
    end

    it "client and worker meet, with all that is said between them" do
      client, worker = EVGearman::Protocol::ClientSession.new, EVGearman::Protocol::WorkerSession.new
      sockets = Array.new(2) { TCPSocket.new(shared_server.host, shared_server.port) }
      [client, worker].each(&:opened)
      request = client.submit_job(name, "hello")
      converse(client, sockets[0]) { request.handle }
      grab = worker.register_function(name).grab_job
      converse(worker, sockets[1]) { grab.done? }
      job = grab.value
      job.status(1, 2)
      job.send_data("half")
      job.warning("careful")
      job.exception("oh")
      sockets[1].write(worker.output)
      told = converse(client, sockets[0]) { request.done? }
      expect(told).to match([[:status, request, "1", "2"], [:data, request, "half"], [:warning, request, "careful"],
                             [:done, request, nil, be_a(EVGearman::JobExceptionError).and(have_attributes(data: "oh"))]])
    ensure
      sockets&.each(&:close)
    end

    it "a server that goes is an end of the stream: what was written fails, what was not waits" do
      server = own_server
      socket = TCPSocket.new(server.host, server.port)
      session.closed
      introduced_by = session.opened && converse(session, socket) { session.dialect == :gearmand }
      sent = session.submit_job(name)
      converse(session, socket) { sent.handle }
      waiting = session.echo("x")
      server.kill
      begin
        session.feed(socket.readpartial(65_536))
      rescue EOFError, SystemCallError => e
        session.closed(e)
      end
      expect([introduced_by, sent.error.class, waiting.done?]).to eq([[], EVGearman::DisconnectedError, false])
    ensure
      socket&.close
    end
  end
end
