# frozen_string_literal: true

require "uri"

RSpec.describe "TLS", server: Gearmand do
  include Children

  def ca = Papers["ca"]
  def trusting(**more) = { ca_file: ca, **more }
  def client(**options) = keep(EVGearman::Client.new(loop: loop, **hooks, **options))

  let(:proxy) { tls_proxy }

  # What on_error is told next says.
  def next_error
    eventually { errors.any? }
    short(errors.pop)
  end

  # The error of a request that waits in vain; without further attempts.
  def error_of(**options)
    client(reconnect: false, **options).echo("x").tap(&:wait).error
  end

  describe "an option" do
    {
      { cafile: "x" } => [ArgumentError, "tls: unknown option: cafile"],
      { ca_file: "/nowhere" } => [ArgumentError, "tls: ca_file: No such file or directory"],
      { ca_path: "/nowhere" } => [ArgumentError, "tls: ca_path: No such file or directory"],
      { cert_file: "/nowhere" } => [ArgumentError, "tls: cert_file: No such file or directory"],
      { key_file: "/nowhere" } => [ArgumentError, "tls: key_file: there has to be a cert_file, too"],
      { ca_file: 5 } => [TypeError, "tls: ca_file: must be a String, not Integer"],
      { hostname: 5 } => [TypeError, "tls: hostname: must be a String, not 5"],
      { min_version: "1.1" } => [ArgumentError, 'tls: min_version: must be "1.2" or "1.3"'],
      5 => [TypeError, "tls: must be true or a Hash, not Integer"]
    }.each do |tls, (kind, message)|
      it "is refused where it is written: #{tls}" do
        line = nil
        expect { line = __LINE__ and EVGearman::Client.new(loop: loop, tls: tls) }.to raise_error(kind, message) { |error|
          expect(error.backtrace.first).to start_with("#{__FILE__}:#{line}:")
        }
      end
    end

    it "is looked at though the address wants no TLS" do
      expect { client(url: "gearman://localhost", tls: { ca_file: "/nowhere" }) }.to raise_error(ArgumentError)
    end

    it "is no secret to inspect, and its files are" do
      expect(client(url: proxy.url, tls: trusting).inspect).not_to include(ca)
    end

    it "may have a path of another kind, and another folder later" do
      Dir.chdir(Papers.dir) { client(url: proxy.url, tls: { ca_file: Pathname("ca.pem").tap { ca } }).connect }
      eventually { proxy.visits.any? }
    end
  end

  describe "an address" do
    around do |example|
      before = ENV.fetch("GEARMAN_SERVERS", nil)
      example.run
    ensure
      ENV["GEARMAN_SERVERS"] = before
    end

    def secure?(**options)
      proxy
      client(**options).ping(Examples::PATIENCE)
      proxy.visits.any?
    end

    it "wants it by gearmans://" do
      expect(secure?(url: proxy.url, tls: trusting)).to be(true)
      expect(client(url: "GEARMANS://localhost:#{proxy.port}/", tls: trusting).ping(5)).to be_a(Float)
      expect(client(url: URI("gearmans://127.0.0.1:#{proxy.port}"), tls: trusting).ping(5)).to be_a(Float)
    end

    it "wants it by gearmans:// alone, of whom the system trusts" do
      expect(short(error_of(url: proxy.url))).to start_with("TLS failed: certificate verify failed: unable to get local issuer")
      expect(short(error_of(url: proxy.url, tls: false))).to start_with("TLS failed: certificate verify failed")
    end

    it "never wants it by gearman://" do
      expect(secure?(url: "gearman://#{shared_server.url}", tls: trusting)).to be(false)
    end

    it "does as `tls:` says when it does not say" do
      expect(secure?(url: "127.0.0.1:#{proxy.port}", tls: trusting)).to be(true)
      expect(client(host: "localhost", port: proxy.port, tls: trusting).ping(5)).to be_a(Float)
      expect(client(url: shared_server.url, tls: nil).ping(5)).to be_a(Float)
      expect(client(url: shared_server.url, tls: false).ping(5)).to be_a(Float)
    end

    it "may come from GEARMAN_SERVERS" do
      ENV["GEARMAN_SERVERS"] = proxy.url
      expect(secure?(tls: trusting)).to be(true)
    end

    it "of a unix socket never wants it" do
      Dir.mktmpdir do |dir|
        server = embedded(path: File.join(dir, "socket"))
        expect(client(path: server.path, tls: trusting).ping(5)).to be_a(Float)
        made = client(url: proxy.url, tls: trusting)
        expect(made.connect_unix(server.path).ping(5)).to be_a(Float)
        made.disconnect
        expect(made.connect("127.0.0.1", proxy.port).ping(5)).to be_a(Float)
        expect(proxy.visits.size).to eq(1)
      end
    end

    it "may be that of the process" do
      configuration = EVGearman::Configuration.new
      configuration.url = proxy.url
      configuration.tls = trusting
      expect(configuration.check.to_h).to eq(url: proxy.url, tls: trusting)
      configuration.tls = { cafile: "" }
      expect { configuration.check }.to raise_error(ArgumentError, /unknown option/)
    end
  end

  describe "with real gearmand behind it" do
    let(:one) { client_for(proxy, tls: trusting) }

    def working(name, **options, &handler)
      worker_for(proxy, tls: trusting, **options).register_function(name, &handler).work
    end

    it "does jobs" do
      name = function
      working(name) { |job| job.workload.reverse }
      expect(one.call(name, "hello", timeout: 20)).to eq("olleh")
      expect(one.map(name, Array.new(300) { |i| i.to_s.rjust(6) })).to eq(Array.new(300) { |i| i.to_s.rjust(6).reverse })
      expect(one.server_version).to be_a(EVGearman::Task)
      expect(proxy.visits.map(&:version).uniq).to eq(["TLSv1.3"])
    end

    it "moves much" do
      name = function
      working(name) { |job| job.workload.reverse }
      bytes = Random.bytes(4 * 1024 * 1024)
      expect(one.call(name, bytes, timeout: 10 * Examples::PATIENCE) == bytes.reverse).to be(true)
    end

    it "tells of progress at once" do
      name = function
      seen = []
      working(name) do |job|
        job.status(1, 2)
        sleep(0.01)
        job.send_data("half")
        "whole"
      end
      task = one.submit_job(name, "", on_status: ->(*of) { seen << of }, on_data: ->(data) { seen << data })
      expect(task.value(20)).to eq("whole")
      expect(seen).to eq([%w[1 2], "half"])
    end

    it "serves eight threads" do
      name = function
      working(name, concurrency: 4) { |job| job.workload.reverse }
      threads = Array.new(8) { |i| Thread.new { Array.new(30) { |k| one.call(name, "#{i}-#{k}", timeout: 30) } } }
      expect(threads.map(&:value).flatten).to eq(Array.new(8) { |i| Array.new(30) { |k| "#{i}-#{k}".reverse } }.flatten)
    end

    it "speaks TLS 1.2, unless it is not to" do
      old = tls_proxy(version: OpenSSL::SSL::TLS1_2_VERSION)
      expect(client_for(old, tls: trusting).ping(5)).to be_a(Float)
      expect(old.visits.last.version).to eq("TLSv1.2")
      error = error_of(url: old.url, tls: trusting(min_version: "1.3"))
      expect(error).to be_a(EVGearman::TLSError)
      expect(short(error)).to match(/\ATLS failed: .*protocol version/)
    end

    it "tells the name, and has one told" do
      client(url: "gearmans://localhost:#{proxy.port}", tls: trusting).ping(5)
      client(url: proxy.url, tls: trusting(hostname: "localhost")).ping(5)
      client(url: proxy.url, tls: trusting).ping(5)
      expect(proxy.names).to eq(%w[localhost localhost]) # an address is none
    end

    it "shows a certificate" do
      strict = tls_proxy(clients: true)
      expect(client_for(strict, tls: trusting(cert_file: Papers["client"])).ping(5)).to be_a(Float)
      stranger = client_for(strict, tls: trusting(cert_file: Papers["stranger"]))
      stranger.connect
      eventually { errors.any? }
      expect(errors.first).to be_a(EVGearman::TLSError)
      expect(short(errors.first)).to match(/\ATLS failed: .*unknown ca/)
    end
  end

  describe "gearmand --ssl" do
    let(:secure) { SecureGearmand.start.tap { |server| (@servers ||= []) << server } }

    before { skip "this gearmand was built without TLS" unless secure.secure }

    it "does jobs, of clients and workers with a certificate and without" do
      with = trusting(cert_file: Papers["client"])
      [[trusting, with], [with, trusting]].each do |of_client, of_worker|
        name = function
        worker_for(secure, tls: of_worker).register_function(name) { |job| job.workload.reverse }.work
        made = client_for(secure, tls: of_client)
        bytes = Random.bytes(4 * 1024 * 1024)
        expect(made.call(name, "hello", timeout: 20)).to eq("olleh")
        expect(made.call(name, bytes, timeout: 60) == bytes.reverse).to be(true)
      end
    end

    it "is verified" do
      expect(error_of(url: secure.url, tls: { ca_file: Papers["other_ca"] })).to be_a(EVGearman::TLSError)
    end
  end

  describe "an error" do
    {
      "expired" => "certificate verify failed: certificate has expired",
      "future" => "certificate verify failed: certificate is not yet valid (is the clock of this machine right?)",
      "elsewhere" => "certificate verify failed: IP address mismatch",
      "self" => /\ATLS failed: certificate verify failed: self.signed certificate \(to trust it, name it as ca_file\)\z/,
      "stranger" => /\ATLS failed: certificate verify failed: unable to get local issuer certificate \(is its CA in ca_file/
    }.each do |papers, text|
      it "says what is wrong with a certificate: #{papers}" do
        error = error_of(url: tls_proxy(papers: papers).url, tls: trusting)
        expect(error).to be_a(EVGearman::TLSError)
        expect(short(error)).to text.is_a?(Regexp) ? match(text) : eq("TLS failed: #{text}")
        expect(error).to have_attributes(delivery: :not_sent, retriable?: false, server: /\A127.0.0.1:\d+\z/)
      end
    end

    it "says that the name is another's" do
      error = error_of(url: "gearmans://localhost:#{tls_proxy(papers: "elsewhere").port}", tls: trusting)
      expect(short(error)).to eq("TLS failed: certificate verify failed: hostname mismatch")
    end

    it "of a server that speaks TLS 1.1 alone says what is spoken here" do
      error = error_of(url: tls_proxy(version: OpenSSL::SSL::TLS1_1_VERSION).url, tls: trusting)
      expect(error).to be_a(EVGearman::TLSError)
      expect(short(error)).to match(/\ATLS failed: .*\(TLS 1.2 and 1.3 are spoken here\)\z/)
      expect(error).not_to be_retriable
    end

    it "of a server that says something else names the cause" do
      server = fake_server(prologue: false) { |peer| peer.write("ERR what?\n") && peer.stall }
      error = error_of(url: server.url, tls: trusting)
      expect(error).to be_a(EVGearman::TLSError)
      expect(short(error)).to eq('TLS failed: no TLS handshake, but "ERR what?.": does the server speak TLS?')
    end

    {
      "no TLS at all" => "ERR what?\n", "TLS of another connection" => "\x17\x03\x03\0\x20".b.ljust(37, "x"),
      "a farewell in the clear" => "\x15\x03\x03\0\x02\x01\0"
    }.each do |what, bytes|
      it "of an open connection in which there is #{what} says no more than is known" do
        made = client(url: proxy.url, tls: trusting, reconnect: false)
        made.ping(5)
        proxy.visits.first.socket.to_io.write(bytes)
        expect(next_error).to match(/\Aconnection failed: .+ \(did somebody else write here, or change it on its way\?\)\z/)
      end
    end

    # It is silent, or closes, by what is in the bytes.
    it "of plain gearmand names the cause" do
      error = error_of(url: shared_server.url, tls: trusting, connect_timeout: 0.1)
      expect(short(error)).to match(/\Aconnect (failed: closed|timeout:) in the TLS handshake: does it speak TLS\?\z/)
    end

    it "of a server that is silent names the cause" do
      error = error_of(url: fake_server(prologue: false, &:stall).url, tls: trusting, connect_timeout: 0.1)
      expect(error).to be_a(EVGearman::ConnectTimeoutError)
      expect(short(error)).to eq("connect timeout: in the TLS handshake: does it speak TLS?")
      expect(error).to be_retriable
    end

    it "of a plain client names the cause" do
      server = embedded(tls: { cert_file: Papers["server"] })
      client(host: "127.0.0.1", port: server.port).echo("x")
      eventually { errors.any? }
      expect(short(errors.first)).to eq("connection closed by server: before it said anything: does it want TLS?")
    end

    it "is nothing that stops trying" do
      expired = tls_proxy(papers: "expired")
      made = client_for(expired, tls: trusting, reconnect_max_delay: 0.01)
      waiting = made.echo("x")
      eventually { errors.size > 2 }
      expired.stop
      @servers.delete(expired)
      tls_proxy(port: expired.port)
      expect(waiting.value(Examples::PATIENCE)).to eq("x")
    end
  end

  describe "a connection" do
    it "is ended in order" do
      client(url: proxy.url, tls: trusting).tap { |made| made.ping(5) }.close
      client(url: proxy.url, tls: trusting).tap { |made| made.ping(5) }.disconnect
      eventually { proxy.visits.map(&:end) == %i[told told] }
    end

    it "that was cut is told apart from one that was ended" do
      made = client_for(proxy, tls: trusting, reconnect: false)
      made.ping(5)
      proxy.bid_farewell
      expect(next_error).to eq("connection closed by server")
      made.connect.ping(5)
      proxy.cut
      expect(next_error).to eq("connection closed by server: without a word of TLS (close_notify)")
    end

    it "is made again with less ado" do
      made = client_for(proxy, tls: trusting, reconnect_delay: 0)
      3.times do
        made.ping(5)
        proxy.cut
        eventually { errors.any? }
        errors.clear
      end
      expect(proxy.visits.map(&:resumed)).to eq([false, true, true])
    end

    # The bytes are TLS's, the socket is the kernel's.
    it "is kept alive as any other" do
      made = client_for(proxy, tls: trusting, keepalive: 7)
      made.ping(5)
      expect(keepalives(proxy.port)).to eq([[true, 7]])
      made.keepalive = 11
      expect(keepalives(proxy.port)).to eq([[true, 11]])
    end

    it "reads its files again" do
      file = File.join(Papers.dir, "trusted.pem")
      FileUtils.cp(ca, file)
      made = client_for(proxy, tls: { ca_file: file }, reconnect_delay: 0, reconnect_max_delay: 0.01)
      made.ping(5)
      FileUtils.cp(Papers["other_ca"], file)
      proxy.cut
      eventually { errors.grep(EVGearman::TLSError).any? }
      FileUtils.rm(file)
      eventually { errors.any? { |error| short(error) == "connect failed: ca_file: No such file or directory" } }
      FileUtils.cp(ca, file)
      expect(made.echo("x").value(Examples::PATIENCE)).to eq("x")
    end

    it "lasts through a fork, of which the child says not a word" do
      made = client_for(proxy, tls: trusting)
      made.ping(5)
      pending = made.submit_job("nobody-does-this", "", timeout: 60)
      settle(made)
      answer = forked do
        forked_error = pending.error.class.name
        [forked_error, made.echo("of the child").value(Examples::PATIENCE)]
      ensure
        made.close(0)
      end
      expect(answer).to eq(["EVGearman::ForkedError", "of the child"])
      expect(made.echo("of the parent").value(5)).to eq("of the parent")
      expect(proxy.visits.size).to eq(2)
      expect(proxy.visits.first.end).to be_nil
      pending.abandon
    end
  end

  describe "beside Ruby's openssl" do
    # Which has to be told nothing of ours, nor the other way round.
    script = <<~'RUBY'
      errors = Thread.new do
        until Thread.current[:enough]
          OpenSSL::X509::Certificate.new("rubbish") rescue nil
          OpenSSL::PKey.read("rubbish") rescue nil
          OpenSSL::Digest.digest("SHA256", "x" * 1000)
        end
      end
      made = client(tls: { ca_file: CA })
      30.times do |i|
        OpenSSL::X509::Certificate.new("rubbish") rescue nil
        made.echo(i.to_s).value(20) == i.to_s or abort("what?")
      end
      refused = EVGearman::Client.new(url: URL, loop: LOOP, reconnect: false, on_error: nil, tls: true).echo("x").tap(&:wait)
      puts refused.error.class, OpenSSL.errors.inspect
      errors[:enough] = true
      errors.join
      made.close
    RUBY

    { "loaded before" => ["require 'openssl'", ""], "loaded behind" => ["", "require 'openssl'"] }.each do |order, (before, behind)|
      it "works when it is #{order} it" do
        prelude = "#{before}\n#{Children::PRELUDE}"
        text, status = child("#{behind}\nCA = #{ca.inspect}\n#{script}", url: proxy.url, prelude: prelude)
        expect(text.lines.map(&:chomp)).to eq(["EVGearman::TLSError", "[]"])
        expect(status).to be_success
      end
    end
  end

  it "warns once of a client that verifies nobody" do
    text, = child("2.times { client(tls: { verify: false }).ping(20) }", url: tls_proxy(papers: "expired").url)
    expect(text).to eq("evgearman: tls: verify: false: anybody may pass for the server\n")
  end

  describe EVGearman::Server do
    let(:server) { embedded(tls: { cert_file: Papers["server"] }) }

    it "serves by it" do
      expect(server.server.url).to match(%r{\Agearmans://127\.0\.0\.1:\d+\z})
      name = function
      worker_for(server, tls: trusting).register_function(name) { |job| job.workload.reverse }.work
      expect(client_for(server, tls: trusting).call(name, "hello", timeout: 20)).to eq("olleh")
    end

    it "says farewell when it is stopped, and nothing when it is killed" do
      made = client_for(server, tls: trusting, reconnect: false)
      made.ping(5)
      server.stop
      expect(next_error).to eq("connection closed by server")
      server.start
      made.connect.ping(5)
      server.kill
      expect(next_error).to eq("connection closed by server: without a word of TLS (close_notify)")
    end

    it "lasts through a fork, of which the child says not a word" do
      made = client_for(server, tls: trusting, reconnect: false)
      made.ping(5)
      said = forked do
        made.close(0)
        server.server.stop
        server.running?
      end
      expect(said).to be(false)
      expect(made.ping(5)).to be_a(Float)
      expect(server.server.stats[:connections]).to eq(1)
      expect(errors).to be_empty
    end

    it "lets in only whom it knows, if it is to" do
      strict = embedded(tls: { cert_file: Papers["server"], ca_file: ca, verify_clients: true })
      expect(client_for(strict, tls: trusting(cert_file: Papers["client"])).ping(5)).to be_a(Float)
      client_for(strict, tls: trusting).connect
      eventually { errors.any? }
      expect(short(errors.first)).to match(/\ATLS failed: .*certificate required \(cert_file and key_file say who we are\)/)
    end

    it "shows a new certificate to who connects from then on" do
      file = File.join(Papers.dir, "shown.pem")
      FileUtils.cp(Papers["server"], file)
      shown = embedded(tls: { cert_file: file })
      first = client_for(shown, tls: trusting)
      first.ping(5)
      FileUtils.cp(Papers["expired"], file)
      expect(error_of(url: shown.url, tls: trusting)).to be_a(EVGearman::TLSError)
      expect(first.ping(5)).to be_a(Float)
    end

    {
      true => "tls: cert_file: who accepts has to have one",
      { certfile: "x" } => "tls: unknown option: certfile",
      { verify: false } => "tls: unknown option: verify"
    }.each do |tls, message|
      it "is not made with #{tls}" do
        expect { described_class.new(tls: tls) }.to raise_error(ArgumentError, message)
      end
    end

    it "has to be told whom clients may be of" do
      tls = { cert_file: Papers["server"], verify_clients: true }
      expect { described_class.new(tls: tls) }.to raise_error(ArgumentError, /\Atls: ca_file: /)
    end

    it "does not speak it on a unix socket" do
      expect { described_class.new(path: "x", tls: { cert_file: Papers["server"] }) }
        .to raise_error(ArgumentError, "tls: is not for unix sockets")
    end
  end
end
