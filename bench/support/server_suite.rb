# frozen_string_literal: true

require_relative "contestant"
require_relative "servers"

module Bench
  # The C client and worker of floor.c, on the core that the servers leave alone.
  class Driver < Floor
    CORE = 1

    private

    def command(*) = [*Cores.pin(CORE), *super]
  end

  # What the servers are measured at: the driver's mode, who works meanwhile (GRABs under way), how many jobs are queued, and
  # whether many idle connections are there.
  Scene = Struct.new(:title, :mode, :helpers, :depth, :crowd, keyword_init: true)

  # Both servers at each scene, by turns: what a second of the server's CPU does, because the driver has a core of its
  # own, and may be what is waited for.
  class ServerSuite
    SCENES = [
      Scene.new(title: "echo", mode: :echo),
      Scene.new(title: "background jobs", mode: :background),
      Scene.new(title: "foreground jobs, 64 GRABs", mode: :foreground, helpers: 64),
      Scene.new(title: "background with keys, 1,000 queued", mode: :keyed, depth: 1_000),
      Scene.new(title: "the same, 1,000,000 queued, 1,100 connections", mode: :keyed, depth: 1_000_000, crowd: true)
    ].freeze
    SERVERS = [OurServer, TheirServer].freeze
    WINDOW = 1000
    IDLE = 1000
    WORKERS = 100
    GRABS = 64

    # One run: operations a second, CPU µs of the server for one, and memory of it that a queued job takes.
    Run = Struct.new(:rate, :cpu, :memory)

    # `most`: of queued jobs, and of connections.
    def initialize(rounds:, ops:, most: nil)
      @rounds = rounds
      @ops = ops
      @most = most
      @driver = Driver.new
    end

    # Of each scene: its title, and a Run of each server, of medians.
    def run
      SCENES.map do |scene|
        yield scene.title
        rounds = Array.new(@rounds) { SERVERS.map { |server| measured(server, scene) } }
        [scene.title, rounds.transpose.map { |runs| medians(runs) }]
      end
    end

    private

    def medians(runs) = Run.new(*runs.map(&:to_a).transpose.map { |numbers| numbers.compact.sort[numbers.compact.size / 2] })

    def measured(server, scene)
      server.run do |running|
        crowd = scene.crowd ? gather(running) : []
        memory = fill(running, scene)
        before = running.cpu
        sample = drive(running, scene)
        Run.new(sample.rate, (running.cpu - before) / sample.ops * 1e6, memory)
      ensure
        crowd&.each(&:close)
      end
    end

    def drive(running, scene)
      return through(running, scene) if scene.depth
      return one(running, scene.mode) unless scene.helpers

      @driver.serving(running.address, scene.helpers) { one(running, scene.mode) }
    end

    # Jobs come and go at the same time and in equal numbers, so that there are always as many.
    def through(running, scene)
      goes = Thread.new { @driver.sample(running.address, :worker, @ops, GRABS) }
      one(running, scene.mode).tap { |comes| comes.seconds = [comes.seconds, goes.value.seconds].max }
    end

    def one(running, mode) = @driver.sample(running.address, mode, @ops, WINDOW)

    # Bytes of memory that a job takes.
    def fill(running, scene)
      return unless scene.depth

      depth = [scene.depth, @most].compact.min
      before = running.memory
      @driver.sample(running.address, scene.mode, depth, WINDOW)
      (running.memory - before) / depth.to_f
    end

    def gather(running)
      host, port = running.address.split(":")
      Array.new([IDLE + WORKERS, @most].compact.min) do |at|
        socket = TCPSocket.new(host, port.to_i)
        asleep = [["\0REQ", 1, 5].pack("a4NN"), "other", ["\0REQ", 4, 0].pack("a4NN")].join
        socket.write(at < WORKERS ? asleep : "version\n")
        socket
      end
    end
  end
end
