# frozen_string_literal: true

RSpec.describe EVGearman::Admin do
  describe "on a real server" do
    let(:server) { own_server }
    let(:client) { client_for(server, client_id: "asker") }

    it "tells of functions, and finds them by name" do
      3.times { client.enqueue("resize", "x") }
      status = client.server_status.value
      expect(status["resize"].to_a).to eq(["resize", 3, 0, 0])
      expect(status["resize"].waiting).to eq(3)
      expect(status).to be_frozen
      expect(status.map(&:name)).to eq(["resize"])
      expect(status.to_h.keys).to eq(["resize"])
      expect(status.text).to eq("resize\t3\t0\t0\n")
    end

    it "tells of queues by priority" do
      %i[high normal normal low].each { |priority| client.enqueue("resize", "x", priority: priority) }
      expect(client.priority_status.value["resize"].to_a).to eq(["resize", 1, 2, 1, 0])
    end

    it "tells of connections, by client id" do
      worker_for(server, client_id: "busy").register_function("a") { nil }.register_function("b") { nil }.work
      workers = nil
      eventually { (workers = client.server_workers.value)["busy"]&.functions&.size == 2 }
      expect(workers["busy"]).to have_attributes(ip: "127.0.0.1", functions: %w[b a], fd: Integer)
      expect(workers["asker"].functions).to eq([])
    end

    it "tells of jobs and their keys" do
      handle = client.enqueue("resize", "x", unique: "key-1")
      expect(client.jobs.value[handle].to_a).to eq([handle, 0, 0, 1])
      expect(client.unique_jobs.value).to eq(["key-1"])
    end

    it "tells what the server is" do
      expect(client.server_version.value).to match(/\A\d+\.\d+/)
      expect(client.server_pid.value).to eq(server.pid)
      expect(client.server_verbosity.value).to match(/\A[A-Z]+\z/)
    end

    it "refuses more jobs than maxqueue allows, and resets it" do
      client.enqueue("resize", "1")
      expect(client.maxqueue("resize", 1).value).to be(true)
      expect { client.enqueue("resize", "2") }.to raise_error(EVGearman::QueueFullError, /\AQUEUE_ERROR: Job queue is full/)
      client.maxqueue("resize").value
      expect(client.enqueue("resize", "3")).to be_a(String)
    end

    # Fails when gearmand has learnt to keep it: then the documentation of maxqueue is to say so.
    it "keeps no maxqueue of a function that gearmand never heard of", server: Gearmand do
      expect(client.maxqueue("new", 1).value).to be(true)
      2.times { client.enqueue("new") }
      expect(client.server_status.value["new"].total).to eq(2)
      client.create_function("newer").value
      client.maxqueue("newer", 1).value
      client.enqueue("newer")
      expect { client.enqueue("newer") }.to raise_error(EVGearman::QueueFullError)
    end

    it "sets maxqueue by priority" do
      client.enqueue("resize", "1", priority: :high)
      client.maxqueue("resize", low: 1).value
      expect { client.enqueue("resize", "2", priority: :low) }.to raise_error(EVGearman::QueueFullError)
      expect(client.enqueue("resize", "3", priority: :high)).to be_a(String)
    end

    it "cancels a job, whose client sees it fail" do
      task = client.submit_job("resize")
      eventually { task.handle }
      expect(client.cancel_job(task.handle).value).to be(true)
      expect { task.value(30) }.to raise_error(EVGearman::JobFailedError)
      expect { client.cancel_job("H:nobody:1").value }.to raise_error(EVGearman::JobNotFoundError)
    end

    # Fails when the line ends with LF alone: gearmand then cuts off the last letter.
    it "creates functions under their whole name, and drops them" do
      client.create_function("alpha").value
      expect(client.server_status.value.map(&:name)).to eq(["alpha"])
      expect(client.drop_function("alpha").value).to be(true)
      expect(client.server_status.value.size).to eq(0)
      expect { client.drop_function("alpha").value }
        .to raise_error(EVGearman::ServerError, /\Aserver error: function not found \(/) { |error| expect(error.code).to be_nil }
    end

    it "drops no function with jobs unless forced", server: Gearmand do
      client.enqueue("resize", "x")
      expect { client.drop_function("resize").value }.to raise_error(EVGearman::Error, /has jobs \(1\)/)
      expect(client.drop_function("resize", force: true).value).to be(true)
    end

    # Fails when something is waited for inside the call.
    it "looks for jobs without waiting: in one Task, told once" do
      client.create_function("alpha").value
      told = []
      task = client.drop_function("alpha") { |*outcome| told << outcome }
      expect(task.done?).to be(false)
      expect(told).to be_empty
      expect(task.value).to be(true)
      expect(told).to eq([[true, nil]])
      expect(client.stats).to include(pending: 0)
    end

    it "fails when the connection ends between looking and dropping" do
      script = lambda do |peer|
        peer.skip_to(:text)
        peer.write("alpha\t0\t0\t0\n.\n")
        expect(peer.expect(:text)).to eq(["drop function alpha"])
        peer.close
      end
      task = client_for(fake_server(&script), reconnect: false).drop_function("alpha")
      expect { task.value }.to raise_error(EVGearman::DisconnectedError)
    end

    # Fails when a name is found only in the encoding that the answer has: the jobs would be lost.
    it "drops no function with jobs, in whatever encoding its name is" do
      %W[\u00E4 b\xFF].each do |name|
        client.enqueue(name, "x")
        [name.b, name.dup.force_encoding("UTF-8"), Struct.new(:to_str).new(name)].each do |given|
          expect { client.drop_function(given).value }.to raise_error(an_instance_of(EVGearman::Error))
        end
        expect(client.server_status.value[name.b].total).to eq(1)
      end
    end

    it "knows that gearmand has no shutdown" do
      expect { client.shutdown_server.value }.to raise_error(EVGearman::UnsupportedCommandError)
      expect(client.ping).to be_a(Float)
    end

    # Fails when the shape of an answer is guessed: the next request then gets the rest of this one.
    it "answers every text command in order, between packets" do
      client.enqueue("resize", "x", unique: "k")
      lines = ["version", "status", "SHOW JOBS", "show unique jobs", "show", "nonsense", "prioritystatus", "workers"]
      answers = lines.map { |line| [client.admin(line), client.echo(line)] }
      expect(answers.map { |_, echo| echo.value }).to eq(lines)
      expect(answers.map { |admin, _| admin.wait.success? }).to eq([true, true, true, true, false, false, true, true])
      expect(answers[3].first.value).to eq("k\n")
    end
  end

  describe "what may be sent" do
    let(:client) { client_for(shared_server) }

    it "is one line, and words without spaces" do
      ["status\nversion", "", "a\0b"].each { |line| expect { client.admin(line) }.to raise_error(ArgumentError) }
      expect { client.maxqueue("a b", 1) }.to raise_error(ArgumentError)
      expect { client.maxqueue(nil) }.to raise_error(TypeError)
      expect { client.maxqueue("f", "1\nshutdown") }.to raise_error(ArgumentError)
      expect { client.cancel_job("H:1\n") }.to raise_error(ArgumentError)
      expect(client.stats[:submitted]).to eq(0)
    end
  end

  describe "answers that are hard to read" do
    it "keeps a name with tabs, and what is no row" do
      status = described_class::Status.new("a\tb\t1\t0\t2\nnonsense\r\nf\t1\n")
      expect(status.map(&:to_a)).to eq([["a\tb", 1, 0, 2]])
      expect(status.unread).to eq(%W[nonsense f\t1]).and be_frozen.and all(be_frozen)
    end

    it "has nothing unread where all of it is rows" do
      expect([described_class::Jobs.new("H:1\t0\t0\t1\n"), described_class::Workers.new("")].map(&:unread)).to eq([[], []])
    end

    it "reads a worker without functions, one whose address was cut, and Perl's prefixes" do
      workers = described_class::Workers.new("7 127.0.0.1 - :\n8 :: w1 : b a\n9 ::1 x y : f\n7 ::1 - : p\tf g\n")
      expect(workers.map(&:to_a)).to eq([[7, "127.0.0.1", "-", []], [8, "::", "w1", %w[b a]], [9, "::1", "x y", ["f"]],
                                         [7, "::1", "-", %W[p\tf g]]])
    end

    it "takes no negative number for waiting jobs" do
      expect(described_class::Status.new("f\t0\t4294967295\t1\n")["f"].waiting).to eq(0)
    end
  end

  # Fails when the value is made in the middle of a turn, or a converter that raises takes its Task with it.
  it "fails the Task when the answer cannot be read" do
    server = fake_server do |peer|
      peer.expect(:text)
      peer.write("OK nonsense\n")
      peer.stall
    end
    client = client_for(server)
    expect { client.server_pid.value(30) }.to raise_error(EVGearman::ProtocolError, "unexpected admin response: OK nonsense (#{server.url})") { |error|
      expect(error.server).to eq(server.url)
    }
  end

  # Fails when any answer but ERR counts as yes.
  it "takes nothing but OK for yes" do
    server = fake_server { |peer| %W[OK\r NOK NO no OK!].each { |answer| peer.expect(:text) && peer.write("#{answer}\n") } }
    client = client_for(server)
    expect(client.maxqueue("f", 1).value(30)).to be(true)
    asked = [client.maxqueue("f", 1), client.cancel_job("H:1"), client.create_function("f"), client.shutdown_server]
    expect(asked.map { |task| task.wait(30).error.class }).to eq([EVGearman::ProtocolError] * 4)
  end
end
