# frozen_string_literal: true

require "socket"

# A bare connection to a server: what is written is what is meant, and nothing is made of what comes.
class Wire
  def initialize(server)
    @socket = TCPSocket.new(server.host, server.port)
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    @parser = EVGearman::Protocol::Parser.new(text: true)
    @bytes = "".b
    @packets = []
  end

  # Everything that came, as it came.
  attr_reader :bytes

  def write(bytes)
    @socket.write(bytes)
    self
  end

  def say(name, *args) = write(EVGearman::Protocol.encode(name, *args))

  # A request that has no name, or not these arguments.
  def say_raw(number, body = "", magic: "\0REQ") = write([magic, number, body.bytesize, body].pack("a4NNa*"))

  # What the server has said until it has taken in all that was said to it.
  def heard
    say(:echo_req, "barrier")
    @packets.concat(@parser.feed(read)) until (count = @packets.index([:echo_res, "barrier"]))
    @packets.shift(count + 1)[0...-1]
  end

  # The same for one that says a thing, and only one.
  def answer(*packet)
    say(*packet)
    packets = heard
    packets.size == 1 ? packets.first : packets
  end

  # What the server says before it closes.
  def last_words
    loop { @packets.concat(@parser.feed(read)) }
  rescue EOFError, Errno::ECONNRESET
    @packets
  end

  def close = @socket.close

  private

  def read
    raise "the server says nothing" unless @socket.wait_readable(Examples::PATIENCE)

    @socket.readpartial(65_536).tap { |bytes| @bytes << bytes }
  end
end

module Wires
  # Closed after the example.
  def wire(server = shared_server) = Wire.new(server).tap { |made| (@wires ||= []) << made }
end

RSpec.configure do |config|
  config.include Wires
  config.after { @wires&.each(&:close) }
end
