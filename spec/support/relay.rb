# frozen_string_literal: true

require "socket"

# The way between clients and a server of TLS, by which bytes go as they come: in pieces, at times not at all, and up to a
# place where it ends.
class Relay
  # So many records of TLS pass, and so many bytes of the next. Not for more than one connection.
  class Limit
    HEADER = 5 # type, version, length

    def initialize(records, more)
      @records = records
      @more = more
      @seen = "".b
      @edge = @passed = 0
    end

    # What of these bytes passes.
    def cut(bytes)
      @seen << bytes
      step while @records.positive? && @seen.bytesize >= @edge + HEADER
      to = @records.positive? ? @seen.bytesize : [@seen.bytesize, @edge + @more].min
      @seen.byteslice(@passed...to).tap { @passed = to }
    end

    def reached? = @records.zero? && @passed == @edge + @more

    private

    def step
      @edge += HEADER + @seen.byteslice(@edge + 3, 2).unpack1("n")
      @records -= 1
    end
  end

  attr_reader :port

  # @param piece [Integer] bytes that go at once
  # @param pause [Float] seconds behind each
  # @param limits [Hash{Symbol => Limit}] of what comes `from_client:` or `from_server:`
  # @param ending [Symbol] what is at its end: `:close`, `:reset`, or `:silence`
  def initialize(server, piece: 65_536, pause: 0, limits: {}, ending: :close)
    @server = server
    @piece = piece
    @pause = pause
    @limits = limits
    @ending = ending
    @gate = Mutex.new
    @sockets = []
    @threads = []
  end

  def host = "127.0.0.1"
  def url = "gearmans://#{host}:#{port}"

  def start
    @listener = TCPServer.new(host, 0)
    @listener.setsockopt(Socket::SOL_SOCKET, Socket::SO_RCVBUF, 65_536) # it holds little: what it took is under way, too
    @port = @listener.addr[1]
    @threads << Thread.new { accept }
    self
  end

  # Answers [], as FakeServer#stop does when all went well.
  def stop
    @listener.close
    release if held?
    hang_up(@sockets)
    @threads.each { |thread| thread.join(10) || thread.kill }
    @sockets.each(&:close)
    []
  end

  # Was the place reached at which it ends?
  def ended? = @limits.each_value.any?(&:reached?)

  # Nothing passes until it is released. What is on its way already may.
  def hold = @gate.lock
  def held? = @gate.owned?
  def release = @gate.unlock

  private

  # They wake who reads them, and are closed in the end.
  def hang_up(sockets)
    sockets.each { |socket| socket.shutdown(Socket::SHUT_RDWR) rescue nil }
  end

  def accept
    loop do
      ends = [@listener.accept, TCPSocket.new(@server.host, @server.port)]
      ends.each { |socket| socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) }
      @sockets.concat(ends)
      @threads << Thread.new { pump(*ends, @limits[:from_client]) } << Thread.new { pump(*ends.reverse, @limits[:from_server]) }
    end
  rescue IOError, SystemCallError
    nil # closed
  end

  def pump(from, to, limit)
    until limit&.reached?
      bytes = from.readpartial(@piece)
      @gate.synchronize { nil }
      bytes = limit.cut(bytes) if limit
      to.write(bytes)
      sleep(@pause) if @pause.positive?
    end
    finish([from, to])
  rescue IOError, SystemCallError
    hang_up([from, to])
  end

  # By SO_LINGER the end is a reset, and comes with the close.
  def finish(ends)
    case @ending
    when :close then hang_up(ends)
    when :reset then ends.each { |socket| socket.setsockopt(Socket::Option.linger(true, 0)) && socket.close }
    end
  end
end

module Relays
  # Stopped after the example.
  def relay(server, **options) = Relay.new(server, **options).start.tap { |made| (@servers ||= []) << made }
end

RSpec.configure { |config| config.include Relays }
