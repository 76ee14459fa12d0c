# frozen_string_literal: true

require "openssl"
require "socket"
require_relative "papers"

# TLS by Ruby's own OpenSSL in front of a server: what comes goes there, and the other way round.
class TLSProxy
  # How a connection came about, and how its client ended it: `:told`, or `:cut` without a word of TLS.
  Visit = Struct.new(:socket, :server, :version, :resumed, :end)

  # `names` are those that clients have asked for.
  attr_reader :port, :visits, :names

  # @param papers [String] see Papers
  # @param clients [Boolean] must they have a certificate?
  # @param port [Integer, nil] that of another, which has been stopped
  def initialize(server, papers: "server", clients: false, version: nil, port: nil)
    @server = server
    @port = port
    @context = OpenSSL::SSL::SSLContext.new
    @context.session_id_context = "proxy"
    @context.security_level = 0 # for TLS 1.1
    @context.min_version = @context.max_version = version if version
    @context.verify_mode = OpenSSL::SSL::VERIFY_PEER | OpenSSL::SSL::VERIFY_FAIL_IF_NO_PEER_CERT if clients
    @context.ca_file = Papers["ca"] if clients
    @context.servername_cb = ->((_, name)) { @names << name && nil }
    @papers = File.read(Papers[papers]).then { |pem| [OpenSSL::X509::Certificate.new(pem), OpenSSL::PKey.read(pem)] }
    @names = []
    @visits = []
    @threads = []
  end

  def host = "127.0.0.1"
  def url = "gearmans://#{host}:#{port}"

  def start
    @listener = TCPServer.new(host, port || 0)
    @port ||= @listener.addr[1]
    @context.add_certificate(*@papers)
    @threads << Thread.new { accept }
    self
  end

  # Answers [], as FakeServer#stop does when all went well.
  def stop
    @listener.close
    cut
    @threads.each { |thread| thread.join(10) || thread.kill }
    []
  end

  # Every connection ends, without a word of TLS.
  def cut = visits.each { |visit| [visit.socket.to_io, visit.server].each { |io| hang_up(io) } }

  # Every connection ends in order.
  def bid_farewell = visits.each { |visit| visit.socket.close rescue nil }

  private

  # Wakes whoever reads it, too.
  def hang_up(io)
    io.shutdown(Socket::SHUT_RDWR)
  rescue IOError, SystemCallError
    nil
  end

  def accept
    loop { @listener.accept.then { |socket| @threads << Thread.new { serve(socket) } } }
  rescue IOError, SystemCallError
    nil # closed
  end

  def serve(socket)
    socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    tls = OpenSSL::SSL::SSLSocket.new(socket, @context)
    tls.accept
    visit = Visit.new(tls, TCPSocket.new(@server.host, @server.port), tls.ssl_version, tls.session_reused?)
    @visits << visit
    @threads << Thread.new { relay_back(visit) }
    relay(visit)
  rescue OpenSSL::SSL::SSLError, IOError, SystemCallError
    socket.close
  end

  def relay(visit)
    loop { visit.server.write(visit.socket.readpartial(65_536)) }
  rescue EOFError
    visit.end = :told
    hang_up(visit.server)
  rescue OpenSSL::SSL::SSLError, IOError, SystemCallError
    visit.end = :cut
    hang_up(visit.server)
  end

  def relay_back(visit)
    loop { visit.socket.write(visit.server.readpartial(65_536)) }
  rescue OpenSSL::SSL::SSLError, IOError, SystemCallError
    hang_up(visit.socket.to_io)
  end
end

module TLSProxies
  # Stopped after the example.
  def tls_proxy(server = shared_server, **options)
    TLSProxy.new(server, **options).start.tap { |proxy| (@servers ||= []) << proxy }
  end
end

RSpec.configure { |config| config.include TLSProxies }
