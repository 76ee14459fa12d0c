# frozen_string_literal: true

RSpec.describe "Errors" do
  def ancestors(name)
    classes = EVGearman.const_get(name).ancestors.take_while { |mod| mod != StandardError }.grep(Class)
    classes.map { |error_class| error_class.name.split("::").last }
  end

  {
    "ConnectionError" => %w[Error], "TimeoutError" => %w[Error], "JobError" => %w[Error],
    "TLSError" => %w[ConnectionError Error],
    "ConnectError" => %w[ConnectionError Error], "ConnectTimeoutError" => %w[ConnectError ConnectionError Error],
    "ResolveError" => %w[ConnectError ConnectionError Error], "DisconnectedError" => %w[ConnectionError Error],
    "ReconnectExhaustedError" => %w[ConnectionError Error], "ForkedError" => %w[ConnectionError Error],
    "CommandTimeoutError" => %w[TimeoutError Error], "JobTimeoutError" => %w[TimeoutError Error],
    "ProtocolError" => %w[Error], "PacketTooLargeError" => %w[Error], "ServerError" => %w[Error],
    "QueueFullError" => %w[ServerError Error], "ArgumentTooLargeError" => %w[ServerError Error],
    "UnsupportedCommandError" => %w[ServerError Error], "JobNotFoundError" => %w[ServerError Error],
    "JobFailedError" => %w[JobError Error], "JobExceptionError" => %w[JobError Error], "JobLostError" => %w[JobError Error],
    "JobFinishedError" => %w[Error], "NoJobError" => %w[Error], "BackpressureError" => %w[Error],
    "ConcurrencyError" => %w[Error]
  }.each do |name, parents|
    it "know that a #{name} is a #{parents.first}" do
      expect(ancestors(name)).to eq([name, *parents])
    end
  end

  # What `task` failed with, when a script said this after the submission.
  def error_of(unique: nil, **options, &script)
    server = fake_server do |peer|
      peer.expect(:submit_job)
      instance_exec(peer, &script)
    end
    client_for(server, reconnect: false, **options).submit_job("f", unique: unique).wait(Examples::PATIENCE).error
  end

  describe "#delivery" do
    it "is :not_sent when no byte was written" do
      closed = fake_server.tap(&:close)
      expect(client_for(closed, reconnect: false).submit_job("f").wait.error).to have_attributes(delivery: :not_sent)
    end

    it "is :not_sent when it was refused here" do
      expect(raised(max_packet: 10) { |client| client.submit_job("f", "x" * 11) })
        .to have_attributes(class: EVGearman::PacketTooLargeError, delivery: :not_sent, retriable?: false)
      expect(raised(max_unsent: 1) { |client| 2.times { client.echo("xx") } })
        .to have_attributes(class: EVGearman::BackpressureError, delivery: :not_sent, retriable?: false)
    end

    it "is :not_sent when the server refused it: it has nothing of it" do
      expect(error_of { |peer| peer.send(:error, "QUEUE_ERROR", "Job queue is full") }).to have_attributes(delivery: :not_sent)
    end

    it "is :unacknowledged when it was written and the server said nothing" do
      expect(error_of(&:close)).to have_attributes(class: EVGearman::DisconnectedError, message: /\Adisconnected/,
                                                   delivery: :unacknowledged)
    end

    it "is :accepted when JOB_CREATED was read" do
      error = error_of { |peer| peer.send(:job_created, "H:1") && peer.close }
      expect(error).to have_attributes(class: EVGearman::DisconnectedError, delivery: :accepted)
    end

    it "is :running when a worker was heard about it" do
      error = error_of { |peer| peer.send(:job_created, "H:1") && peer.send(:work_data, "H:1", "x") && peer.close }
      expect(error).to have_attributes(class: EVGearman::DisconnectedError, delivery: :running)
    end

    it "is nil where it is not about one request" do
      error_of(&:close)
      expect(eventually { errors.first }).to have_attributes(delivery: nil)
    end
  end

  # What the block raises in its caller, on a connection that nothing is read from.
  def raised(**options)
    client = client_for(fake_server, **options)
    yield client
  rescue EVGearman::Error => e
    e
  end

  describe "#server" do
    it "is where the server is" do
      expect(error_of(&:close).server).to match(/\A127\.0\.0\.1:\d+\z/)
    end

    # Fails when only what a reply or its absence led to knows its client.
    it "is known to what is raised in the caller, too" do
      expect(raised { |client| client.echo("x").value(0.01) }).to have_attributes(class: EVGearman::TimeoutError, server: /:/)
      expect(raised { |client| client.echo("x").abandon.value }).to have_attributes(message: /\Aabandoned/, server: /:/)
      expect(raised { |client| client.close || client.echo("x") }).to have_attributes(message: /\Aclosed/, server: /:/)
    end
  end

  describe "#message" do
    # The words that an error always has, then what was said, then whose job it is, then the server.
    def expect_message(error, words) = expect(error.message).to match(/\A#{Regexp.escape(words)} \(127\.0\.0\.1:\d+\)\z/)

    def created(peer) = peer.send(:job_created, "H:vm:3")

    it "says what the worker said" do
      expect_message(error_of { |peer| created(peer) && peer.send(:work_exception, "H:vm:3", "no such page\n") },
                     "exception: no such page, of f H:vm:3")
      expect_message(error_of { |peer| created(peer) && peer.send(:work_exception, "H:vm:3", "") }, "exception, of f H:vm:3")
      expect_message(error_of { |peer| created(peer) && peer.send(:work_fail, "H:vm:3") }, "job failed, of f H:vm:3")
    end

    it "says what the server said" do
      expect_message(error_of { |peer| peer.send(:error, "QUEUE_ERROR", "Job queue is full") },
                     "QUEUE_ERROR: Job queue is full, of f")
      expect_message(error_of { |peer| peer.send(:error, "CODE", "") }, "CODE, of f")
    end

    it "says what the system said" do
      client = client_for(fake_server.tap(&:close), reconnect: false)
      expect_message(client.submit_job("f").wait.error, "connect failed: Connection refused, of f")
      expect_message(eventually { errors.first }, "connect failed: Connection refused")
    end

    it "says why the last attempt failed, when there are no more" do
      client = client_for(fake_server.tap(&:close), max_reconnect_attempts: 1)
      expect_message(client.submit_job("f").wait.error, "max reconnect attempts reached: Connection refused, of f")
      expect_message(eventually { errors.first }, "max reconnect attempts reached: Connection refused")
    end

    it "says whose job it is, as far as that is known" do
      expect_message(error_of(&:close), "disconnected, of f")
      expect_message(error_of { |peer| created(peer) && peer.close }, "disconnected, of f H:vm:3")
      expect_message(error_of(command_timeout: 0.05) { nil }, "command timeout, of f")
      expect_message(raised { |client| client.submit_job("f").value(0.01) }, "timeout, of f")
      expect_message(raised { |client| client.submit_job("f").abandon.value }, "abandoned, of f")
      expect_message(raised { |client| client.get_status("H:vm:3").value(0.01) }, "timeout, of H:vm:3")
      expect_message(raised { |client| EVGearman::Task.all([client.submit_job("f")], 0) }, "timeout, of f")
    end

    it "says it of what is raised in the caller, too" do
      expect_message(raised(max_packet: 10) { |client| client.submit_job("f", "x" * 11) }, "payload too large, of f")
      expect_message(raised(max_unsent: 1) { |client| 2.times { client.submit_job("f") } }, "too many unsent bytes, of f")
      expect_message(raised { |client| client.close || client.echo("x") }, "closed")
      expect_message(raised { |client| 2.times { client.connect } }, "already connected")
    end

    it "says it of jobs" do
      server = fake_server do |peer|
        peer.skip_to(:grab_job_uniq)
        peer.send(:job_assign_uniq, "H:vm:3", "f", "", "x")
      end
      seen = []
      worker = worker_for(server, max_packet: 1000)
      worker.register_function("f") do |job|
        seen << (job.send_data("x" * 1001) rescue $!) << job.complete << (job.fail rescue $!)
      end
      worker.work
      eventually { seen.size == 3 }
      expect_message(seen.first, "payload too large, of f H:vm:3")
      expect_message(seen.last, "job already finished, of f H:vm:3")
    end

    # Fails when the code is text and what follows is bytes: the error of the server was lost for another one.
    it "is valid text, whatever was said in which encoding" do
      codes = [["\u00E9", "\xFF"], ["\xFF", "\u00E9"], ["CODE", "\xE9\xE9"]]
      messages = codes.map { |code, text| error_of { |peer| peer.send(:error, code.b, text.b) }.message }
      expect(messages.map { |message| message[/\A.*(?=, of f)/] }).to eq(["\u00E9: \uFFFD", "\uFFFD: \u00E9", "CODE: \uFFFD\uFFFD"])
      expect(messages.map(&:encoding)).to all(eq(Encoding::UTF_8))
      error = error_of { |peer| peer.send(:job_created, "H:\xFF") && peer.send(:work_exception, "H:\xFF", "said\xFF") }
      expect_message(error, "exception: said\uFFFD, of f H:\uFFFD")
      expect(error.data).to eq("said\xFF".b)
    end

    it "is not endless" do
      error = error_of { |peer| created(peer) && peer.send(:work_exception, "H:vm:3", "x" * 100_000) }
      expect_message(error, "exception: #{"x" * 1000}..., of f H:vm:3")
      expect(error.data.size).to eq(100_000)
    end

    it "is of wrong arguments what it was" do
      expect { raised { |client| client.submit_job("") } }.to raise_error(ArgumentError, /but TAB\z/)
    end

    it "is text" do
      expect([error_of(&:close), raised { |client| client.echo("x").value(0.01) }].map { |error| error.message.encoding })
        .to eq([Encoding::UTF_8] * 2)
    end
  end

  describe "#retriable?" do
    it "is true when nothing was sent" do
      closed = fake_server.tap(&:close)
      expect(client_for(closed, reconnect: false).submit_job("f").wait.error).to be_retriable
    end

    it "is true when the request had a key, which makes two of them one" do
      expect(error_of(unique: "key", &:close)).to be_retriable
      expect(error_of(&:close)).not_to be_retriable
    end

    it "is true for a timeout of a request with a key" do
      expect(error_of(unique: "key", command_timeout: 0.05) { nil }).to be_retriable
      expect(error_of(command_timeout: 0.05) { nil }).not_to be_retriable
    end

    it "is true for a full queue: the server kept nothing" do
      full = ->(peer) { peer.send(:error, "QUEUE_ERROR", "Job queue is full") }
      expect(error_of(unique: "key", &full)).to be_retriable
      expect(error_of(&full)).to be_retriable
    end

    it "is false for other refusals: they would be refused again" do
      expect(error_of { |peer| peer.send(:error, "ARGUMENT_TOO_LARGE", "") }).not_to be_retriable
    end

    it "is false when the job failed" do
      error = error_of(unique: "key") { |peer| peer.send(:job_created, "H:1") && peer.send(:work_fail, "H:1") }
      expect(error).not_to be_retriable
    end

    it "is false for one made by hand" do
      expect(EVGearman::DisconnectedError.new("x")).not_to be_retriable
      expect(EVGearman::Error.new).to have_attributes(server: nil, delivery: nil)
    end
  end

  describe "of a server" do
    {
      "QUEUE_ERROR" => EVGearman::QueueFullError, "ARGUMENT_TOO_LARGE" => EVGearman::ArgumentTooLargeError,
      "INVALID_COMMAND" => EVGearman::UnsupportedCommandError, "invalid_command" => EVGearman::UnsupportedCommandError,
      "SOMETHING_ELSE" => EVGearman::ServerError
    }.each do |code, error_class|
      it "are #{error_class} for #{code}" do
        error = error_of { |peer| peer.send(:error, code, "what it\0said") }
        expect(error).to have_attributes(class: error_class, code: code, message: /\A#{code}: what it\0said, of f \(/)
      end
    end

    it "are about the request, and the connection stays" do
      server = fake_server do |peer|
        peer.expect(:submit_job)
        peer.send(:error, "QUEUE_ERROR", "Job queue is full")
        peer.send(:echo_res, *peer.expect(:echo_req))
      end
      client = client_for(server)
      expect { client.call("f") }.to raise_error(EVGearman::QueueFullError, /\AQUEUE_ERROR: Job queue is full/)
      expect(client.echo("x").value).to eq("x")
      expect(server.peers.size).to eq(1)
    end
  end

  describe "of a job" do
    it "know its handle" do
      error = error_of { |peer| peer.send(:job_created, "H:1") && peer.send(:work_fail, "H:1") }
      expect(error).to have_attributes(class: EVGearman::JobFailedError, message: /\Ajob failed/, handle: "H:1", server: /127/)
    end

    # gearmand makes a WORK_FAIL of an exception for those who do not ask for them, and leaves a NUL in it.
    it "are known by a handle with a NUL behind it" do
      error = error_of { |peer| peer.send(:job_created, "H:1") && peer.send(:work_fail, "H:1\0") }
      expect(error).to have_attributes(class: EVGearman::JobFailedError, handle: "H:1")
    end

    it "know what the exception said" do
      error = error_of { |peer| peer.send(:job_created, "H:1") && peer.send(:work_exception, "H:1", "said\xFF") }
      expect(error).to have_attributes(class: EVGearman::JobExceptionError, message: /\Aexception/, handle: "H:1",
                                       data: "said\xFF".b)
      expect(error.data.encoding).to eq(Encoding::BINARY)
    end

    it "tell one that the server forgot" do
      server = fake_server do |peer|
        peer.expect(:submit_job)
        peer.send(:job_created, "H:1")
        2.times { peer.send(:status_res, *peer.expect(:get_status), "0", "0", "0", "0") }
      end
      error = client_for(server, lost_check: 0.05).submit_job("f").wait(Examples::PATIENCE).error
      expect(error).to have_attributes(class: EVGearman::JobLostError, message: /\Ajob lost/, handle: "H:1",
                                       delivery: :accepted)
    end
  end
end
