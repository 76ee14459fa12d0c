# frozen_string_literal: true

# Whatever is wrong with an argument is said in the call, before a byte of it is sent: a NUL in a name would be the end of
# an argument, a line end the end of a command.
#
# Each of these fails when its check in protocol/check.c, or that of its type, is taken away.
RSpec.describe "Arguments" do
  # What no byte string is.
  types = [nil, 1, 1.5, :symbol, true, [], {}, Object.new]

  functions = ["", "f" * 513, "real\0injected\0evil", "a\nb", "a\r\nb", "a\tb\n", "a\x7Fb", "a\x01b", "a\x1Fb".b, "a\0".b]
  uniques = ["u" * 64, "ä" * 32, "key\0payload", "\0"]
  handles = ["", "H" * 64, "H:1\0", "\0H:1"]
  ids = ["", "me you", "me\nfake 127.0.0.1 : f", "me\r", "me\tyou", "m\0e", "mé", "m" * 64, "\x7F"]
  options = ["", "o" * 64, "exceptions\0x", "a\nb", "a\rb", "a\tb"]
  lines = ["", " ", "status\nversion", "version\r\nshutdown", "a\rb", "a\0b", "a\tb", "x" * 9000, "status\n"]
  words = ["", "a b", "a\nshutdown", "a\r", "a\tb", "a\0b", "x" * 513]
  sizes = ["1", "1\nshutdown", 1.5, :one, 2**70, -(2**70), Float::NAN, [], Object.new]
  times = [-1, -1.5, 2**63, 2**64, 1e30, Float::NAN, Float::INFINITY, -Float::INFINITY, "1", "1\0x", nil, :now, [], Object.new,
           Time.at(-5)]

  # Answers echoes; what else comes is what should not.
  let(:server) do
    fake_server do |peer|
      while (packet = peer.next)
        peer.send(:echo_res, packet.last) if packet.first == :echo_req
      end
    end
  end
  let(:client) { client_for(server, command_timeout: 3, dialect: :gearmand).tap { |made| made.echo("ready").value } }

  def refused?
    yield
    false
  rescue ArgumentError, TypeError
    true
  end

  # Every one of these is refused; then the server is asked what it got: nothing but the question.
  def refuse(connection, values)
    before = [server.received.size, connection.stats.values_at(:bytes_out, :packets_out, :submitted)]
    expect(values.reject { |value| refused? { yield value } }).to eq([])
    expect([server.received.size, connection.stats.values_at(:bytes_out, :packets_out, :submitted)]).to eq(before)
    expect(connection.unsent_bytes).to eq(0)
    connection.echo("only this").value
    expect(server.received.drop(before.first)).to eq([[:echo_req, "only this"]])
  end

  describe "of a client:" do
    {
      submit_job: [], submit_job_high: [], submit_job_low: [], submit_job_bg: [], submit_job_high_bg: [],
      submit_job_low_bg: [], submit_job_epoch: [1], call: [], enqueue: []
    }.each do |method, rest|
      it "#{method} has a function" do
        refuse(client, functions + types) { |name| client.public_send(method, name, "x", *rest) }
      end

      it "#{method} has bytes" do
        refuse(client, types) { |workload| client.public_send(method, "f", workload, *rest) }
      end

      it "#{method} has a unique key" do
        refuse(client, uniques + types.drop(1)) { |key| client.public_send(method, "f", "x", *rest, unique: key) }
      end
    end

    it "map has a function, and each workload is bytes" do
      refuse(client, functions + types) { |name| client.map(name, ["x"]) }
      refuse(client, types) { |workload| client.map("f", [workload]) }
      refuse(client, [0, -1, 1.5, "2", nil]) { |number| client.map("f", ["x"], concurrency: number) }
    end

    it "many jobs at once have each what one has, or none is sent" do
      refuse(client, functions + types) { |name| client.submit_jobs_bg([["f", "x"], [name, "x"]]) }
      refuse(client, types) { |workload| client.submit_jobs_bg([["f", "x"], ["f", workload]]) }
      refuse(client, uniques + types.drop(1)) { |key| client.submit_jobs_bg([["f", "x"], ["f", "x", { unique: key }]]) }
      refuse(client, [-1, 2**63, "1", :soon, []]) { |time| client.submit_jobs_bg([["f", "x"], ["f", "x", { at: time }]]) }
      refuse(client, [{ priority: :urgent }, { nonsense: 1 }, { in: 1, at: 1 }]) { |said| client.submit_jobs_bg([["f", "x", said]]) }
      refuse(client, ["f", :f, 1, [], nil]) { |job| client.submit_jobs_bg([["f", "x"], job]) }
    end

    it "a delayed job has a time" do
      refuse(client, times) { |time| client.submit_job_epoch("f", "x", time) }
      refuse(client, times - [nil]) { |time| client.enqueue("f", "x", at: time) }
      refuse(client, [-1, "1", :soon, Float::NAN, Float::INFINITY, 1e300, [], true]) { |time| client.enqueue("f", "x", in: time) }
    end

    it "get_status has a handle, get_status_unique a key" do
      refuse(client, handles + types) { |handle| client.get_status(handle) }
      refuse(client, ["", *uniques] + types) { |key| client.get_status_unique(key) }
    end

    it "an echo is bytes" do
      refuse(client, types) { |data| client.echo(data) }
    end

    it "an option has a name, and is not remembered when it has none" do
      refuse(client, options + types) { |name| client.option(name) }
    end

    it "a client id is one word" do
      refuse(client, ids + types) { |id| client.set_client_id(id) }
      expect(client.client_id).to be_nil
    end

    it "a text command is one line" do
      refuse(client, lines + types) { |line| client.admin(line) }
    end

    it "the words of text commands are words" do
      refuse(client, words + types) { |word| client.maxqueue(word, 1) }
      refuse(client, words + handles + types) { |word| client.cancel_job(word) }
      refuse(client, words + types) { |word| client.create_function(word) }
      refuse(client, words + types) { |word| client.drop_function(word) }
      refuse(client, words + types) { |word| client.drop_function(word, force: true) }
    end

    it "the sizes of maxqueue are numbers, and one way to say it" do
      refuse(client, sizes) { |size| client.maxqueue("f", size) }
      refuse(client, sizes + [false]) { |size| client.maxqueue("f", high: size) }
      refuse(client, sizes) { |size| client.maxqueue("f", low: 1, normal: size) }
      refuse(client, [nil]) { client.maxqueue("f", 1, high: 1) }
      refuse(client, [nil]) { client.maxqueue }
    end

    it "a time to wait is a time" do
      refuse(client, [-1, "1", :soon, Float::NAN, [], true]) { |time| client.submit_job("f", "x", timeout: time) }
    end
  end

  describe "of a worker:" do
    let(:worker) { worker_for(server, dialect: :gearmand).tap { |made| made.echo("ready").value } }

    it "a function has a name" do
      refuse(worker, functions + types) { |name| worker.register_function(name) { nil } }
      refuse(worker, functions + types) { |name| worker.register(name) { nil } }
      refuse(worker, functions + types) { |name| worker.can_do(name) }
      refuse(worker, functions + types) { |name| worker.cant_do(name) }
      refuse(worker, functions + types) { |name| worker.unregister_function(name) }
      expect(worker.functions).to eq([])
    end

    it "a handler answers call" do
      refuse(worker, types) { |handler| worker.register_function("f", handler) }
      refuse(worker, [nil]) { worker.register_function("f") }
      refuse(worker, [proc {}]) { |handler| worker.register_function("f", handler) { nil } }
    end

    it "times of a function are times" do
      refuse(worker, [-1, "1", Float::NAN, [], true]) { |time| worker.register_function("f", timeout: time) { nil } }
      refuse(worker, [-1, 0.5, "1", 2**31, Float::NAN, [], true]) { |time| worker.register_function("f", server_timeout: time) { nil } }
      refuse(worker, [-1, 0.5, "1", 2**31, Float::NAN, [], true]) { |time| worker.can_do("f", server_timeout: time) }
    end
  end

  describe "of a job:" do
    let(:server) do
      fake_server do |peer|
        while (packet = peer.next)
          peer.send(:job_assign_uniq, "H:1", "f", "", "x") if packet.first == :grab_job_uniq
          peer.send(:echo_res, packet.last) if packet.first == :echo_req
        end
      end
    end

    it "what is said is bytes, and progress two whole numbers; the job can still be answered" do
      job = nil
      worker = worker_for(server).register_function("f", async: true) { |given| job = given }.work
      eventually { job }
      %i[send_data warning complete exception].each { |method| refuse(worker, types) { |value| job.public_send(method, value) } }
      numbers = [-1, 2**32, 2**64, 0.5, "1", "1\0002", nil, :one, Float::NAN, [], true]
      refuse(worker, numbers) { |number| job.status(number, 1) }
      refuse(worker, numbers) { |number| job.status(1, number) }
      refuse(worker, [nil]) { job.on_lost }
      expect(job.complete("done")).to be(true)
      eventually { server.received.include?([:work_complete, "H:1", "done"]) }
    end
  end

  # Fails when the client id of the constructor is not checked like any other.
  it "of a constructor are checked before there is a connection" do
    expect((ids + types.drop(1)).reject { |id| refused? { client_for(server, client_id: id) } }).to eq([])
    expect(server.peers).to be_empty
  end
end
