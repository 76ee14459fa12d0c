# frozen_string_literal: true

require_relative "asks"

# The gem's own server, with the manners of Gearmand: where a spec does not mean that, this is there at once.
class Embedded
  include Asks

  class << self
    # One for the whole suite, for specs that leave nothing behind: use function names of your own.
    def shared
      @shared ||= start # a forked child has its parent's
    end

    # @param options [Hash] of EVGearman::Server
    def start(**options) = new(**options).start
  end

  # The Server itself.
  attr_reader :server

  def initialize(**options)
    @server = EVGearman::Server.new(**options)
  end

  # Remembered: a forked child has no server, and its parent's is where it was.
  attr_reader :host, :port

  def path = server.path
  def url = "#{host}:#{port}"
  def running? = server.running?
  def pid = Process.pid

  def start
    server.start
    @host = server.host
    @port = server.port
    self
  end

  def restart = start

  # Answers [], what FakeServer#stop answers when all went well.
  def stop
    server.stop
    []
  end

  def kill = server.kill
  def freeze = server.pause
  def thaw = server.resume

  # Did it end by itself?
  def ended? = !running?
end

module EmbeddedServers
  # A server for this example alone.
  def embedded(**options) = Embedded.start(**options).tap { |server| (@servers ||= []) << server }
end

RSpec.configure { |config| config.include EmbeddedServers }
