# frozen_string_literal: true

# One operation of evgearman, measured in a process of its own: subject.rb HOST:PORT OPERATION OPS WINDOW.
require "evgearman"
require_relative "support/measured"

# What is measured is the plain way to do it, as in the README.
class Subject
  include Measured

  WORKLOAD = "0123456789abcdef"
  LARGE = 16 << 20
  MIB = 1 << 20

  def initialize(server, ops, window)
    @loop = EVGearman::Loop.default
    @server = server
    @ops = ops
    @window = window
  end

  def foreground = pipelined { |done| client.submit_job("bench", WORKLOAD, &done) }

  # Without a key: gearmand finds a key among many queued ones slowly, and that would be measured.
  def background = pipelined { |done| client.submit_job_bg("bench", WORKLOAD, unique: nil, &done) }

  def echo = pipelined { |done| client.echo(WORKLOAD, &done) }

  # What one server in a list costs beside one by its address: nothing.
  def echo_by_servers = by_servers { echo }
  def foreground_by_servers = by_servers { foreground }

  def echo_large
    payload = "x" * LARGE
    client.echo(payload).value
    measure(client) { @ops.times { client.echo(payload).value } }
  end

  # Each answer is given back at once, as the floor of TLS has one place for all of them: to fetch new memory from the
  # kernel costs more than all of TLS, and would be measured.
  def echo_mib
    payload = "x" * MIB
    client.echo(payload).value
    measure(client) { @ops.times { client.echo(payload).value.clear } }
  end

  def call
    measure(client) { @ops.times { client.call("bench", WORKLOAD) } }
  end

  # The window counts the job that runs.
  def worker(prefetch = @window - 1, others: 0, **options)
    left = @ops
    worker = EVGearman::Worker.new(url: @server, prefetch: prefetch, **options)
    others.times { |n| worker.register("bench-#{n}") { raise } }
    worker.register("bench") do |job|
      @loop.stop if (left -= 1).zero?
      job.workload
    end
    measure(worker) do
      worker.work
      @loop.run
      worker.ping
    end
  end

  def worker_auto = worker(:auto)
  def worker_pool = worker(@window - 16, concurrency: 16)
  def worker_of_many = worker(others: 999)

  # Made one after the other while the server is away, so that each is over at a time of its own.
  def expire
    client = EVGearman::Client.new(url: @server, command_timeout: 1, on_error: proc {})
    left, waiting = @ops, 0
    over = ->(*) { @loop.stop if (waiting -= 1).zero? && left.zero? }
    @loop.every(0.001) do
      [left, @window].min.times do
        left -= 1
        waiting += 1
        client.submit_job_bg("bench", WORKLOAD * 100, unique: nil, &over)
      end
    end
    measure { @loop.run }
  end

  def pending_count
    @window.times { client.echo(WORKLOAD) }
    measure { @ops.times { client.pending_count } }
  end

  private

  # The server may be a list of some.
  def by_servers
    @client = EVGearman::Client.new(servers: @server)
    yield
  end

  def client = @client ||= EVGearman::Client.new(url: @server)

  # Keeps a window of requests under way until all are answered.
  def pipelined
    left = @ops
    waiting = 0
    done = lambda do |_, error|
      raise error if error

      waiting -= 1
      if left.positive?
        left -= 1
        waiting += 1
        yield done
      elsif waiting.zero?
        @loop.stop
      end
    end
    measure(client) do
      first = [@ops, @window].min
      left -= first
      waiting = first
      first.times { yield done }
      @loop.run
    end
  end

  # Connecting is no part of it.
  def measure(connection = nil, &block)
    connection&.ping
    super(&block)
  end
end

GC.disable if ENV["BENCH_GC"] == "off"
server, operation, ops, window = ARGV
Subject.new(server, Integer(ops), Integer(window)).public_send(operation)
