# frozen_string_literal: true

require "openssl"
require "socket"

# Those who begin with TLS and do not go on as they should: each costs his own connection, and nobody else anything.
RSpec.describe EVGearman::Server, "by TLS, and hostile peers" do
  include_context "with those who behave"

  let(:server) { embedded(tls: { cert_file: Papers["server"] }) }
  let(:trusting) { { ca_file: Papers["ca"] } }
  let(:manners) { { tls: trusting } }

  after { expect(errors).to be_empty }

  # What is said to him who is hung up on.
  def hung_up?(socket)
    Kernel.loop { socket.read_nonblock(65_536) }
  rescue IO::WaitReadable
    false
  rescue EOFError, SystemCallError
    true
  end

  # Of OpenSSL itself.
  def shaken(socket, **options)
    context = OpenSSL::SSL::SSLContext.new
    options.each { |name, value| context.public_send("#{name}=", value) }
    OpenSSL::SSL::SSLSocket.new(socket, context).tap(&:connect)
  end

  # The first word of a client, as OpenSSL says it.
  def self.hello
    near, far = UNIXSocket.pair
    OpenSSL::SSL::SSLSocket.new(near).connect_nonblock(exception: false)
    far.readpartial(10_000)
  ensure
    [near, far].each(&:close)
  end

  wrong = {
    "plain text" => "version\n", "a packet" => "\0REQ\0\0\0\x10\0\0\0\0", "HTTP" => "GET / HTTP/1.1\r\n\r\n",
    "SSL 2" => "\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10".b.ljust(48, "x"), "hello twice" => hello * 2,
    "rubbish behind hello" => hello + ("\x17\x03\x03\x01\0".b + ("x" * 256)), "rubbish in hello" => hello[0, 50] + ("\xFF".b * hello.bytesize),
    "a record that is too long" => "\x16\x03\x01\xFF\xFF".b + ("x" * 70_000),
    "a message that is too long" => "\x16\x03\x01\0\x04\x01\xFF\xFF\xFF", "an alert" => "\x15\x03\x01\0\x02\x02\x28",
    "empty records without end" => "\x16\x03\x01\0\0" * 10_000, "another version" => "\x16\x09\x09\0\x04\x01\0\0\0"
  }
  wrong.each do |what, bytes|
    it "end who says something else: #{what}" do
      peers = Array.new(10) { connect }
      peers.each { |peer| peer.write(bytes.b) rescue nil } # he may be hung up on before its end
      eventually { peers.all? { |peer| hung_up?(peer) } }
      expect(stats.call[:connections]).to eq(2)
    end
  end

  {
    "nothing" => "", "the first byte" => hello[0, 1], "half of hello" => hello[0, 100], "hello" => hello,
    "a record whose end never comes" => "\x16\x03\x01\x40\0".b + ("x" * 1000)
  }.each do |what, bytes|
    it "keep nobody waiting by going on no further than #{what}" do
      peers = Array.new(50) { connect.tap { |peer| peer.write(bytes) } }
      20.times { unharmed }
      expect(stats.call).to include(connections: 52, memory: be < 50 * 128 * 1024)
      peers.first(25).each(&:close)
      peers.last(25).each { |peer| peer.setsockopt(Socket::Option.linger(true, 0)) && peer.close }
      eventually { stats.call[:connections] == 2 }
    end
  end

  def version(tls)
    tls.write("version\n")
    tls.gets
  end

  it "keep nobody waiting by shaking hands in small pieces, and are served" do
    slow = relay(server, piece: 10)
    threads = Array.new(5) { Thread.new { TCPSocket.open(slow.host, slow.port) { |socket| version(shaken(socket)) } } }
    unharmed while threads.any?(&:alive?)
    expect(threads.map(&:value)).to all(start_with("OK"))
    slow.stop
    @servers.delete(slow)
  end

  it "go without a word, and nothing is left of them" do
    100.times do |n|
      socket = connect
      tls = shaken(socket)
      tls.write(n.even? ? "version\n" : "\0REQ\0\0\0\x10\0\0\x10\0") if n % 3 > 0
      socket.setsockopt(Socket::Option.linger(true, 0)) if n % 4 > 1
      socket.close
    end
    unharmed
  end

  # What the server would say waits for him; it listens to him no further, so nothing piles up.
  it "ask and do not read, and are listened to no more" do
    peer = shaken(connect)
    packet = EVGearman::Protocol.encode(:echo_req, "x" * 60_000)
    left = packet
    while (said = peer.write_nonblock(left, exception: false)) != :wait_writable || peer.to_io.wait_writable(0.3)
      next unharmed unless said.is_a?(Integer)

      left = said == left.bytesize ? packet : left.byteslice(said..)
    end
    unharmed
    expect(stats.call).to include(memory: be < 128 * 1024 * 1024, connections: 3)
  end

  it "say too much at once behind the handshake" do
    peer = shaken(connect)
    peer.write("\0REQ\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF".b)
    expect { peer.readpartial(100) }.to raise_error(EOFError) # in order
  end
end
