# frozen_string_literal: true

require "socket"
require "tmpdir"

# A server that says what a script tells it to, byte by byte: for all that a real one does not do on demand.
#
#     server = FakeServer.start do |peer|
#       peer.expect(:submit_job)
#       peer.send(:job_created, "H:1")
#       peer.write("rubbish")
#     end
#
# The script runs once for each connection, on a thread of its own; then the peer goes on reading until it is closed.
# The prologue ("version", SET_CLIENT_ID, OPTION_REQ) is answered and not shown to `expect`, unless `prologue: false`.
class FakeServer
  # What a script expected did not come.
  class Surprise < StandardError; end

  # One accepted connection.
  class Peer
    # Everything that came, as `[:name, *args]`, the prologue included.
    attr_reader :received

    # 0 for the first connection, and so on.
    attr_reader :number

    def initialize(socket, number, server)
      @socket = socket
      @number = number
      @server = server
      @received = []
      @unread = []
      @parser = EVGearman::Protocol::Parser.new(magic: :req, text: true)
    end

    # Waits for the next packet, which has to be of this name; answers its arguments.
    def expect(name)
      packet = self.next
      raise Surprise, "expected #{name}, but #{packet ? packet.inspect[0, 200] : "nothing"} came" if packet&.first != name

      packet.drop(1)
    end

    # The next packet of this name; what comes before it is recorded and passed over.
    def skip_to(name)
      while (packet = self.next)
        return packet.drop(1) if packet.first == name
      end
      raise Surprise, "expected #{name} some time, but it did not come"
    end

    # Every one until the other side closes; other packets are recorded and passed over.
    def answer_echoes
      while (packet = self.next)
        send(:echo_res, packet.last) if packet.first == :echo_req
      end
    end

    # The next packet; nil when the other side closed.
    def next
      loop do
        read while @unread.empty?
        packet = @unread.shift
        return packet unless @server.prologue? && prologue(packet)
      end
    rescue SystemCallError, IOError
      nil
    end

    def send(name, *args) = write(EVGearman::Protocol.encode(name, *args, magic: :res))

    def write(bytes)
      @socket.write(bytes)
    rescue SystemCallError, IOError
      nil # the other side may have gone meanwhile
    end

    # FIN
    def close = @socket.close

    # RST
    def reset
      @socket.setsockopt(Socket::Option.linger(true, 0))
      @socket.close
    end

    # Neither reads nor writes until the server is stopped.
    def stall = @server.wait_for_end

    def read_on
      nil while self.next
    end

    def commands = @received.map(&:first)

    private

    def read
      @parser.feed(@socket.readpartial(65_536)).each do |packet|
        @received << packet
        @unread << packet
      end
    end

    # Was it part of that? Then it has been answered, behind what came before it: a client that had to wait for long asks
    # for the dialect a second time, by an ECHO behind all others.
    def prologue(packet)
      case packet
      in [:text, "version"] then write(@server.greeting)
      in [:option_req, name] then send(:option_res, name)
      in [:echo_req, "dialect"] then send(:echo_res, "dialect") # who was hung up on asks by this alone
      in [:set_client_id, _] then nil
      else return false
      end
      true
    end
  end

  def self.start(**options, &script) = new(**options, &script).start

  attr_reader :port, :path, :peers, :greeting

  # @param unix [Boolean] a unix socket instead of a port
  # @param prologue [Boolean] answer what every connection begins with
  # @param greeting [String] the answer to "version"
  def initialize(unix: false, prologue: true, greeting: "OK 1.1.20\n", &script)
    @unix = unix
    @prologue = prologue
    @greeting = greeting
    @script = script || proc {}
    @peers = []
    @threads = []
    @surprises = Queue.new
    @ended = Queue.new
  end

  def host = "127.0.0.1"
  def prologue? = @prologue
  def url = @unix ? "unix://#{path}" : "#{host}:#{port}"
  def peer = peers.last
  def commands = peers.flat_map(&:commands)
  def received = peers.flat_map(&:received)

  # Also: again, at the same address.
  def start
    @listener = open_listener
    listener = @listener
    @threads << Thread.new { accept(listener) }
    self
  end

  # Connections are refused from now on; those that are open stay.
  def close
    @listener&.close
    File.unlink(path) if @unix && File.exist?(path)
  end

  def wait_for_end = @ended.pop

  # Answers what surprised the scripts.
  def stop
    close
    @ended.close
    peers.each { |peer| peer.close rescue nil }
    @threads.each { |thread| thread.join(10) || thread.kill }
    Array.new(@surprises.size) { @surprises.pop }
  end

  private

  def open_listener
    @path ||= File.join(Dir.mktmpdir("fake"), "socket") if @unix
    listener = @unix ? UNIXServer.new(path) : TCPServer.new(host, port || 0)
    @port ||= listener.addr[1] unless @unix
    listener
  end

  def accept(listener)
    while (socket = listener.accept)
      socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) unless @unix
      @peers << (peer = Peer.new(socket, @peers.size, self))
      @threads << Thread.new { converse(peer) }
    end
  rescue IOError, SystemCallError
    nil # closed
  end

  def converse(peer)
    @script.call(peer)
    peer.read_on
  rescue Surprise => e
    @surprises << e.message
  rescue IOError, SystemCallError, ClosedQueueError
    nil # closed by the script, or by the other side
  end
end
