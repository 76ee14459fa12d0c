# frozen_string_literal: true

require_relative "beside"
require_relative "contestant"
require_relative "servers"
require_relative "../../spec/support/papers"

module Bench
  # The job server by TLS.
  class TLSServer < OurServer
    SERVE = "EVGearman::Server.new(port: Integer(ARGV.fetch(0)), tls: { cert_file: ARGV.fetch(1) }).run"

    def self.command(port) = [*super[0..-3], SERVE, port.to_s, Papers["server"]]

    def address = "gearmans://#{super}"
  end

  # The least C that speaks TLS, at both ends.
  class TLSFloor < Program
    def initialize = super(File.expand_path("../tls_floor.c", __dir__), "-lssl", "-lcrypto")

    # As a server.
    def serving_at(port) = command("127.0.0.1:#{port}", :serve, Papers["server"])
  end

  class TLSFloorServer < Pinned
    def self.command(port) = TLSFloor.new.serving_at(port)
  end

  # What TLS costs: an echo of 1 MiB beside raw TLS, jobs beside the same in the clear, by turns. What counts is the best
  # of each: whatever else the machine does makes it worse, never better.
  class TLSSuite
    MIB = 1 << 20
    WINDOW = 1000
    GRABS = 65

    def initialize(rounds:, echoes:, jobs:)
      @rounds = rounds
      @echoes = echoes
      @jobs = jobs
      @ours = Evgearman.new
      @floor = TLSFloor.new
      ENV["SSL_CERT_FILE"] = Papers["ca"] # whom the system trusts
    end

    def run = [echo, jobs]

    private

    def best(&block) = Array.new(@rounds, &block).transpose.map(&:max)

    def echo
      rates = best { [our_echo, raw_echo] }
      Beside.new("echo of 1 MiB, one at a time", rates[0], "raw TLS", rates[1])
    end

    def our_echo = TLSServer.run { |it| @ours.sample(it.address, :echo_mib, @echoes, 1).rate }
    def raw_echo = TLSFloorServer.run { |it| @floor.sample(it.address, :echo, @echoes, MIB).rate }

    def jobs
      rates = best { [jobs_by(TLSServer), jobs_by(OurServer)] }
      Beside.new("foreground jobs, 1,000 under way", rates[0], "in the clear", rates[1])
    end

    def jobs_by(server)
      server.run do |it|
        @ours.beside(it.address, :worker, 2**62, GRABS) { @ours.sample(it.address, :foreground, @jobs, WINDOW).rate }
      end
    end
  end
end
