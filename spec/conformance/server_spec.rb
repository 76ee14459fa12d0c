# frozen_string_literal: true

# What this gem takes for granted of a server, said to it byte by byte: of gearmand, and of our own, which differs where
# gearmand is wrong and says so here. Where one of these fails with gearmand, the server is another one than the sessions, and
# the model of the simulation, were made for.
[Gearmand, Embedded].each do |kind|
  RSpec.describe kind, server: kind do
    ours = kind == Embedded

    let(:name) { function }
    let(:client) { wire }
    let(:worker) { wire.say(:can_do, name) }

    not_found = [:error, "JOB_NOT_FOUND", "Job given in work result not found"]
    not_expected = [:error, "INVALID_COMMAND", "Command not expected"]

    # Its handle.
    def submit(workload = "", unique: "", type: :submit_job, on: client)
      created, handle = on.answer(type, name, unique, workload)
      expect(created).to eq(:job_created)
      handle
    end

    # The handle of the job that is grabbed.
    def grab(on: worker) = on.answer(:grab_job)[1]

    # [queued and running, running, workers]
    def status = shared_server.status(name)

    describe "as to packets" do
      { "short" => "hi", "empty" => "", "NULs" => "a\0b\0", "10 MB" => "0123456789" * 1_000_000 }.each do |what, data|
        it "echoes: #{what}" do
          expect(client.answer(:echo_req, data)).to eq([:echo_res, data])
        end
      end

      it "takes them byte by byte" do
        EVGearman::Protocol.encode(:echo_req, "hi").each_char { |byte| client.write(byte) }
        expect(client.heard).to eq([[:echo_res, "hi"]])
      end

      it "answers 20,000 in order" do
        client.write((1..20_000).map { |n| EVGearman::Protocol.encode(:echo_req, n.to_s) }.join)
        expect(client.heard).to eq((1..20_000).map { |n| [:echo_res, n.to_s] })
      end

      it "says so of the wrong magic, and closes at one that is none" do
        expect(client.say_raw(16, "x", magic: "\0RES").heard).to eq([[:error, "INVALID_MAGIC", "Request magic expected"]])
        expect(wire.say_raw(16, "x", magic: "\0XXX").last_words).to eq([])
      end

      [43, (0x8000_0000 if ours), (0xffff_ffff if ours)].compact.each do |number| # gearmand dies of the larger ones
        it "closes at type #{number}, which it does not know" do
          expect(client.say_raw(number).last_words).to eq([])
        end
      end

      [5, 6, 8, 10, 17, 24].each do |number|
        it "does not expect type #{number}, and goes on" do
          expect(client.say_raw(number).heard).to eq([not_expected])
        end
      end

      it "does not expect a timetable, and goes on" do
        expect(client.answer(:submit_job_sched, name, "", *["*"] * 5, "")).to eq(not_expected)
      end

      it "closes when arguments are missing#{", as soon as something follows" unless ours}" do
        client.say_raw(7, "nonul")
        client.say(:echo_req, "x") unless ours
        expect(client.last_words).to eq([])
      end

      it "ignores a body where none belongs" do
        expect(client.say_raw(9, "extra").heard).to eq([[:no_job]])
      end

      it "answers text and packets in the order of the questions" do
        handle = submit(type: :submit_job_bg)
        client.write("version\n").say(:submit_job_bg, name, "", "x").say(:get_status, "none").say(:option_req, "exceptions")
        client.say(:grab_job).write("bogus\n").say(:all_yours)
        answers = client.heard
        expect(answers.map(&:first)).to eq(%i[text job_created status_res option_res no_job text error])
        expect(answers.values_at(2, 3, 5)).to eq([[:status_res, "none", "0", "0", "0", "0"], [:option_res, "exceptions"],
                                                  [:text, "ERR UNKNOWN_COMMAND Unknown+server+commandbogus"]])
        expect(answers[1][1]).not_to eq(handle)
      end

      it "echoes the name of an option as it was written, and knows one" do
        expect(client.answer(:option_req, "EXCEPTIONS")).to eq([:option_res, "EXCEPTIONS"])
        expect(client.answer(:option_req, "foo")).to eq([:error, "UNKNOWN_OPTION", "Server does not recognize given option"])
      end
    end

    describe "as to keys" do
      too_large = [:error, "ARGUMENT_TOO_LARGE", "Unique value too large"]

      it "takes 63 bytes, and refuses 65" do
        expect(client.answer(:submit_job_bg, name, "u" * 65, "x")).to eq(too_large)
        submit("x", unique: "u" * 63, type: :submit_job_bg)
        expect(worker.answer(:grab_job_uniq).drop(2)).to eq([name, "u" * 63, "x"])
      end

      it ours ? "refuses 64" : "spoils the workload at 64" do
        answer = client.answer(:submit_job_bg, name, "u" * 64, "x")
        ours ? expect(answer).to(eq(too_large)) : expect(answer.first).to(eq(:job_created))
        expect(worker.answer(:grab_job_uniq).drop(2)).to eq(ours ? [] : [name, "u" * 63, "\0x"])
      end

      it "#{ours ? "says so" : "says nothing"} when it is asked about a longer one" do
        answers = [[:get_status, "h" * 64], [:get_status_unique, "u" * 64]].map { |question| client.answer(*question).first }
        expect(answers).to all eq(:error)
      end if ours

      it "takes the workload for the key \"-\", unless there is none" do
        handles = ["x", "x", "y", "", ""].map { |workload| submit(workload, unique: "-") }
        expect(handles.uniq.size).to eq(4)
        expect(handles[0]).to eq(handles[1])
      end

      it "knows nothing of one that it never heard of" do
        expect(client.answer(:get_status_unique, "no-#{name}")).to eq([:status_res_unique, "no-#{name}", *["0"] * 5])
      end

      it "tells how many wait for a job" do
        [client, client, wire].each { |on| submit(unique: "key-#{name}", on: on) }
        expect(client.answer(:get_status_unique, "key-#{name}")).to eq([:status_res_unique, "key-#{name}", "1", "0", "0", "0", "3"])
      end

      it "says everything twice to who submitted twice, and once to another" do
        other = wire
        handle = [client, client, other].map { |on| submit(unique: "key", on: on) }.uniq.first
        grab
        worker.say(:work_data, handle, "d").say(:work_complete, handle, "r").heard
        expect(client.heard).to eq([[:work_data, handle, "d"]] * 2 + [[:work_complete, handle, "r"]] * 2)
        expect(other.heard).to eq([[:work_data, handle, "d"], [:work_complete, handle, "r"]])
      end

      it "takes a job with the key of one that is queued, however full the queue is" do
        submit(unique: "key")
        client.write("maxqueue #{name} 1\n").heard
        expect(client.answer(:submit_job, name, "other", "")).to eq([:error, "QUEUE_ERROR", "Job queue is full"])
        expect(submit(unique: "key")).to be_a(String)
      end
    end

    describe "as to a worker" do
      it "wakes one that sleeps, once, for two jobs" do
        expect(worker.say(:pre_sleep).heard).to eq([])
        handles = Array.new(2) { |n| submit(n.to_s) }
        expect(worker.heard).to eq([[:noop]])
        3.times { worker.say(:grab_job) }
        expect(worker.heard).to eq([[:job_assign, handles[0], name, "0"], [:job_assign, handles[1], name, "1"], [:no_job]])
      end

      it "does not let it sleep while there is a job" do
        submit
        expect(worker.say(:pre_sleep).say(:pre_sleep).heard).to eq([[:noop], [:noop]])
      end

      it "does not wake it for the jobs of a function that it can do from now on, until it asks" do
        submit
        sleeper = wire.say(:pre_sleep)
        expect(sleeper.say(:can_do, name).heard).to eq([])
        expect(sleeper.say(:pre_sleep).heard).to eq([[:noop]])
      end

      it "gives it jobs of its own" do
        created, assigned = worker.say(:submit_job, name, "", "x").say(:grab_job).heard
        expect([created.first, assigned]).to eq([:job_created, [:job_assign, created[1], name, "x"]])
        expect(worker.answer(:work_complete, created[1], "r")).to eq([:work_complete, created[1], "r"])
      end

      it "gives it several jobs, which may end in any order" do
        other = wire
        first, second = submit("1"), submit("2", on: other)
        worker.say(:grab_job).say(:grab_job).say(:grab_job)
        expect(worker.heard.map(&:first)).to eq(%i[job_assign job_assign no_job])
        worker.say(:work_complete, second, "two").say(:work_complete, first, "one").heard
        expect([client.heard, other.heard]).to eq([[[:work_complete, first, "one"]], [[:work_complete, second, "two"]]])
      end

      it "gives a job with its key to who asks for all, too" do
        handle = submit("x", unique: "key")
        expect(worker.answer(:grab_job_all)).to eq([:job_assign_uniq, handle, name, "key", "x"])
        submit("y")
        expect(worker.answer(:grab_job_uniq).drop(2)).to eq([name, "", "y"])
      end

      it "tells of the reducer of a job that has one" do
        client.say(:submit_reduce_job_background, name, "key", "reducer", "", "x").heard
        expect(worker.answer(:grab_job_all).drop(2)).to eq([name, "key", "reducer", "", "x"].values_at(0, 1, 2, 4))
      end

      it "passes on what is said of a job, byte by byte and in order, and remembers how far it is" do
        handle = submit
        grab
        said = [[:work_data, handle, "d\0"], [:work_warning, handle, ""], [:work_status, handle, "01", "2"]]
        said.each { |packet| worker.say(*packet) }
        worker.heard
        expect(client.heard).to eq(said)
        expect(client.answer(:get_status, handle)).to eq([:status_res, handle, "1", "1", "1", "2"])
      end

      it "answers for a job that it does not know, and everybody else gets his own" do
        worker.say(:work_complete, "H:nobody:1", "x").say(:grab_job)
        expect(worker.heard).to eq([not_found, [:no_job]])
      end

      it "believes nobody but the one who holds a job" do
        handle = submit
        grab
        expect(wire.answer(:work_complete, handle, "x")).to eq(not_found)
        expect(client.answer(:work_fail, handle)).to eq(not_found)
      end

      it "gives the job of one that leaves to another, and tells nobody" do
        handle = submit("x")
        grab
        worker.close
        other = wire.say(:can_do, name)
        eventually { status[1].zero? }
        expect(other.answer(:grab_job)).to eq([:job_assign, handle, name, "x"])
        expect(client.heard).to eq([])
      end

      it "gives a job to another when its function is taken back, and wants no answer from the first" do
        handle = submit
        grab
        expect(worker.answer(:cant_do, name)).to eq([])
        expect(worker.answer(:work_complete, handle, "x")).to eq(not_found)
        expect(grab(on: wire.say(:can_do, name))).to eq(handle)
      end

      it "fails a job that was given out as often as it may" do
        server = own_server(job_retries: 1)
        client = wire(server)
        handle = submit(on: client)
        leaver = wire(server).say(:can_do, name)
        grab(on: leaver)
        leaver.close
        expect(eventually { client.heard.first }).to eq([:work_fail, handle])
      end
    end

    describe "as to the end of a job" do
      it "tells what an exception said to who asked for that; to the others it failed#{", with a NUL too many" unless ours}" do
        plain = wire
        client.answer(:option_req, "exceptions")
        handle = [client, plain].map { |on| submit(unique: "key", on: on) }.uniq.first
        grab
        expect(worker.say(:work_exception, handle, "e").say(:work_fail, handle).heard).to eq([not_found])
        expect([client.heard, plain.heard]).to eq([[[:work_exception, handle, "e"]], [[:work_fail, handle]]])
        said = ours ? handle : "#{handle}\0"
        expect(plain.bytes).to include([14, said.bytesize, said].pack("NNa*"))
        expect(client.answer(:get_status, handle)).to eq([:status_res, handle, *["0"] * 4])
      end

      it "cancels one that waits: its client sees it fail#{", each time" unless ours}, and nobody gets it" do
        handle = submit
        (ours ? 1 : 2).times do
          expect(client.write("cancel job #{handle}\r\n").heard).to eq([[:work_fail, handle], [:text, "OK"]])
        end
        expect(client.write("cancel job H:nobody:1\r\n").heard).to eq([[:text, "ERR UNKNOWN_JOB"]])
        expect(worker.answer(:grab_job)).to eq([:no_job])
      end

      it "forgets one that waits when its client leaves, with the next poll" do
        submit(on: leaver = wire.say(:set_client_id, "leaver-of-#{name}"))
        leaver.close
        eventually { shared_server.ask("workers").none? { |line| line.include?("leaver-of-#{name}") } } # it has noticed
        expect(worker.answer(:grab_job)).to eq([:no_job])
        expect(status.first).to eq(0)
      end

      it "takes the answer to one whose client has left, and says nothing" do
        handle = submit(on: leaver = wire.say(:set_client_id, "leaver-#{name}"))
        grab
        leaver.close
        eventually { shared_server.ask("workers").none? { |line| line.include?("leaver-#{name}") } }
        expect(worker.say(:work_data, handle, "x").say(:work_complete, handle, "x").heard).to eq([])
      end

      it "wakes who sleeps when one is due" do
        worker.say(:pre_sleep).heard
        client.say(:submit_job_epoch, name, "a", (Time.now.to_i + 1).to_s, "x").heard
        expect(eventually { worker.heard.first }).to eq([:noop])
        expect(worker.answer(:grab_job).last).to eq("x")
      end if ours

      it "takes one back when its worker had enough time, and wants no answer from that" do
        handle = submit("x")
        slow = wire.say(:can_do_timeout, name, "1000").say(:grab_job)
        expect(slow.heard.first).to eq([:job_assign, handle, name, "x"])
        eventually { status[1].zero? }
        expect(grab).to eq(handle)
        expect(slow.answer(:work_complete, handle, "late")).to eq(not_found)
      end

      it "gives them out by priority, and in their order" do
        priorities = %i[submit_job_low_bg submit_job_bg submit_job_high_bg]
        2.times { |n| priorities.each { |type| client.say(type, name, "", "#{type}#{n}") } }
        client.heard
        expected = priorities.reverse.flat_map { |type| ["#{type}0", "#{type}1"] }
        expect(Array.new(6) { worker.answer(:grab_job).last }).to eq(expected)
      end

      it "holds one back until it is due, and gives out one that is overdue" do
        client.say(:submit_job_epoch, name, "a", (Time.now.to_i + 3600).to_s, "later").heard
        expect(worker.answer(:grab_job)).to eq([:no_job])
        client.say(:submit_job_epoch, name, "b", "1", "now").heard
        expect(worker.answer(:grab_job).last).to eq("now")
      end
    end

    describe "as to text" do
      it "lists jobs, keys and priorities" do
        client = wire(own_server)
        { submit_job_high_bg: 1, submit_job_bg: 3, submit_job_low_bg: 1 }.each do |type, count|
          count.times { |n| client.say(type, "f", "#{type}-#{n}", "") }
        end
        handles = client.heard.map(&:last)
        ask = ->(line) { client.write("#{line}\n").heard.map(&:last) }
        expect(ask["show jobs"]).to match_array([*handles.map { |handle| "#{handle}\t0\t0\t1" }, "."])
        expect(ask["show unique jobs"]).to include("submit_job_bg-2", "submit_job_low_bg-0").and have_attributes(size: 6)
        expect(ask["prioritystatus"]).to eq(%W[f\t1\t3\t1\t0 .])
      end

      it "is as terse as this" do
        server = own_server
        client = wire(server)
        ask = lambda do |line|
          before = client.bytes.bytesize
          client.write("#{line}\n").heard
          client.bytes.byteslice(before..).split("\0RES").first
        end
        expect(ask.call("status")).to eq(".\n")
        eventually { ask.call("workers").lines.size == 2 } # it has noticed that others left
        expect(ask.call("workers")).to match(/\A\d+ 127\.0\.0\.1 - :\n\.\n\z/)
        client.say(:set_client_id, "w1").say(:can_do, "a").say(:can_do, "b")
        expect(ask.call("workers")).to match(/\A\d+ 127\.0\.0\.1 w1 : b a\n\.\n\z/)
        expect(ask.call("status").lines).to contain_exactly("a\t0\t0\t1\n", "b\t0\t0\t1\n", ".\n")
        expect(%w[version getpid verbose].map { |line| ask.call(line) }).to all match(/\AOK [^\r\n]+\n\z/)
        expect(ask.call("")).to eq("ERR UNKNOWN_COMMAND Unknown+server+command\r\n")
        expect(ask.call("maxqueue a 1")).to eq("OK\r\n")
        expect(ask.call("create function foo\r")).to eq("OK\r\n")
        expect(ask.call("create function other")).to eq("OK\r\n")
        expect(ask.call("status")).to include(ours ? "other\t" : "othe\t")
        expect(ask.call("drop function foo")).to eq("OK\r\n")
        expect(ask.call("drop function foo")).to eq("ERR function not found\r\n")
        expect(ask.call("drop function a")).to eq("ERR there are still connected workers or executing clients\r\n")
      end
    end
  end
end
