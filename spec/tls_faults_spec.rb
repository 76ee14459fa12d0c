# frozen_string_literal: true

# What goes wrong with TLS under way: each has its error, which is true, in its time, and leaves nothing behind.
RSpec.describe "TLS, and what goes wrong" do
  let(:server) { embedded(tls: { cert_file: Papers["server"] }) }
  let(:done) { [] }
  let(:name) { function }

  # The server works for whoever asks it, and notes what it did.
  def worker
    @worker ||= worker_for(server, tls: trusting).register_function(name) do |job|
      done << job.workload
      job.workload.reverse
    end.work
  end

  def trusting(**more) = { ca_file: Papers["ca"], **more }
  def client(way, **options) = client_for(way, tls: trusting, reconnect: false, **options)
  def descriptors = Dir.children("/proc/self/fd").size

  # As many as before, once they are all closed.
  def leaving_nothing
    skip "needs Linux" unless File.directory?("/proc/self/fd")
    settle(worker)
    before = descriptors
    yield
    eventually { descriptors <= before }
  end

  # A job by a way that ends there; its Task, when that is over.
  def attempt(word, **options)
    way = Relay.new(server, **options.slice(:limits, :ending)).start
    made = client(way, **options.except(:limits, :ending))
    task = made.submit_job(name, word, timeout: Examples::PATIENCE).tap(&:wait)
    made.close(0)
    [task, way.ended?]
  ensure
    way&.stop
  end

  # One attempt for each record that passes, until all of them do; and for some bytes of the next.
  def each_record(side, bytes)
    (0..).each do |records|
      _, ended = yield "#{side} #{records}+#{bytes}", { side => Relay::Limit.new(records, bytes) }
      return records unless ended
    end
  end

  # What is said of it is what the worker has seen.
  def expect_truth(task, word)
    settle(worker)
    times = done.count(word)
    next_expectation = task.error ? be_between(0, 1) : eq(1)
    expect(times).to next_expectation, word
    return expect(task.value).to eq(word.reverse) unless task.error

    expect(times).to eq(0), word if task.error.delivery == :not_sent
    expect(task.error).to be_a(EVGearman::ConnectError).or(be_a(EVGearman::DisconnectedError)), "#{word}: #{task.error.inspect}"
    expect(task.error.retriable?).to be(task.error.delivery == :not_sent), word
  end

  %i[from_client from_server].product(%i[close reset], [0, 3, 9]).each do |side, ending, bytes|
    it "is told of a connection that ends (#{ending}) behind #{bytes} bytes of any record #{side}" do
      leaving_nothing do
        records = each_record(side, bytes) do |word, limits|
          task, ended = attempt(word, limits: limits, ending: ending)
          expect_truth(task, word)
          [task, ended]
        end
        expect(records).to be > 3
      end
    end
  end

  it "is told of a server that stops in the middle of the handshake, in its time" do
    leaving_nothing do
      waited = (0..).take_while do |records|
        limits = { from_server: Relay::Limit.new(records, 3) }
        task, = attempt("x", limits: limits, ending: :silence, connect_timeout: 0.1, command_timeout: 0.5)
        next false unless task.error.is_a?(EVGearman::ConnectTimeoutError)

        expect(short(task.error)).to match(/\Aconnect timeout: in the TLS handshake/)
        expect(task.error).to have_attributes(delivery: :not_sent, retriable?: true)
      end
      expect(waited.size).to be >= 3
    end
  end

  it "does not matter when bytes come one by one" do
    slow = relay(server, piece: 1)
    worker_for(slow, tls: trusting).register_function(name) { |job| job.workload.reverse }.work
    made = client(slow)
    expect(made.call(name, "hello", timeout: Examples::PATIENCE)).to eq("olleh")
    expect(made.echo("x" * 20_000).value(Examples::PATIENCE)).to eq("x" * 20_000)
  end

  it "carries 64 MiB" do
    bytes = Random.bytes((64 * 1024 * 1024) - name.bytesize - 100)
    worker
    expect(client(server).call(name, bytes, timeout: 10 * Examples::PATIENCE) == bytes.reverse).to be(true)
  end

  it "says how a certificate that lacks the one between is to be mended" do
    expect(client(embedded(tls: { cert_file: Papers["chained"] })).ping(5)).to be_a(Float)
    error = client(embedded(tls: { cert_file: Papers["unchained"] })).echo("x").tap(&:wait).error
    expect(error).to be_a(EVGearman::TLSError)
    expect(short(error)).to end_with("(is its CA in ca_file, and does it send those between?)")
  end

  # Documented: neither lists nor OCSP are asked.
  it "takes a certificate that was revoked, though the list is at hand" do
    revoked = embedded(tls: { cert_file: Papers["revoked"] })
    store = OpenSSL::X509::Store.new.tap { |it| it.add_file(Papers.revoking("revoked")) }
    store.flags = OpenSSL::X509::V_FLAG_CRL_CHECK
    expect(store.verify(OpenSSL::X509::Certificate.new(File.read(Papers["revoked"])))).to be(false)
    expect(client_for(revoked, tls: { ca_file: Papers.revoking("revoked") }).ping(5)).to be_a(Float)
  end

  # What is in a full socket is written, and what TLS has taken, too; what waits behind that goes nowhere when its time is over.
  describe "a request whose time is over" do
    LARGE = "x" * (8 * 1024 * 1024)

    def background(made, keys, payload) = keys.map { |key| made.submit_job_bg(name, payload, unique: key) }

    # Those of which nothing was sent, by what was said to their caller. The server knows none of them.
    def expect_unsent(keys, tasks)
      unsent = keys.zip(tasks).filter_map { |key, task| key if task.error&.delivery == :not_sent }
      expect(server.server.jobs.map(&:unique) & unsent).to be_empty
      expect(unsent).not_to be_empty
    end

    it "is not sent when the server stands still" do
      way = relay(server)
      made = client_for(way, tls: trusting, command_timeout: 0.3, heartbeat: 0)
      made.ping(5)
      way.hold
      tasks = background(made, %w[a b c d], LARGE).each(&:wait)
      way.release
      settle(made)
      expect_unsent(%w[a b c d], tasks)
      expect(tasks.map { |task| task.error.delivery }).to include(:unacknowledged)
    end

    # The large one takes 2.5 s at least by this way, longer than the others have; and the way stands still for less than that.
    it "is cut out behind one that moves, which is done" do
      made = client_for(relay(server, pause: 0.01), tls: trusting, command_timeout: 2, heartbeat: 0)
      made.ping(5)
      keys = Array.new(200, &:to_s)
      large, *tasks = background(made, ["large"], LARGE * 2) + background(made, keys, "x" * 4096)
      tasks.each(&:wait)
      expect(large.wait(Examples::PATIENCE).error).to be_nil
      settle(made)
      expect_unsent(keys, tasks)
      expect(errors).to be_empty
    end
  end
end
