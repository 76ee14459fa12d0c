# frozen_string_literal: true

require "bigdecimal"

# Whatever takes a time takes the same things for one.
RSpec.describe "Seconds" do
  # What ActiveSupport's `5.seconds` is: a Numeric to `is_a?`, and an object of its own to C.
  duration = Class.new do
    def initialize(seconds) = @seconds = seconds
    def to_f = @seconds.to_f
    def is_a?(other) = other == Numeric || super
    def coerce(_) = raise(TypeError, "no")
    def respond_to_missing?(name, all = false) = @seconds.respond_to?(name, all)
    def method_missing(name, ...) = @seconds.public_send(name, ...)
  end

  let(:client) { client_for(fake_server(&:answer_echoes)) }
  let(:away) { client_for(fake_server.tap(&:close), reconnect: false) }
  let(:worker) { worker_for(fake_server) }

  # What they lead to is not asked here.
  def take(time, &block)
    instance_exec(time, &block)
  rescue EVGearman::Error
    nil
  end

  # Each by the name that its error begins with.
  takers = {
    "Task#value" => ["timeout", ->(time) { client.echo("x").tap(&:wait).value(time) }],
    "Task#wait" => ["timeout", ->(time) { client.echo("x").tap(&:wait).wait(time) }],
    "Task.all" => ["timeout", ->(time) { EVGearman::Task.all([client.echo("x").tap(&:wait)], time) }],
    "submit_job" => ["timeout", ->(time) { client.submit_job("f", timeout: time) }],
    "call" => ["timeout", ->(time) { away.call("f", timeout: time) }],
    "enqueue" => ["timeout", ->(time) { away.enqueue("f", timeout: time) }],
    "enqueue in:" => ["in", ->(time) { away.enqueue("f", in: time) }],
    "ping" => ["timeout", ->(time) { away.ping(time) }],
    "flush" => ["timeout", ->(time) { client.flush(time) }],
    "close" => ["timeout", ->(time) { client_for(fake_server).close(time) }],
    "reconnect" => ["delay", ->(time) { client.reconnect(true, time) }],
    "command_timeout:" => ["command_timeout", ->(time) { client_for(fake_server, command_timeout: time) }],
    "heartbeat=" => ["heartbeat", ->(time) { client.heartbeat = time }],
    "Loop#run" => ["timeout", ->(time) { loop.post { loop.stop } && loop.run(time) }],
    "Loop#run_once" => ["timeout", ->(time) { loop.post { nil } && loop.run_once(time) }],
    "after" => ["seconds", ->(time) { loop.after(time) { nil }.cancel }],
    "every" => ["seconds", ->(time) { loop.every(time) { nil }.cancel }],
    "register_function" => ["timeout", ->(time) { worker.register_function("f", timeout: time) { nil } }],
    "server_timeout:" => ["server_timeout", ->(time) { worker.can_do("f", server_timeout: time) }],
    "shutdown_timeout:" => ["shutdown_timeout", ->(time) { worker_for(fake_server, shutdown_timeout: time) }],
    "stop" => ["timeout", ->(time) { worker.stop(time) }],
    "a session" => ["command_timeout", ->(time) { EVGearman::Protocol::ClientSession.new(command_timeout: time) }]
  }

  takers.each do |taker, (name, taken)|
    it "of #{taker} are a Numeric, or what has a to_f" do
      [2, 1.5, Rational(3, 2), BigDecimal("1.5"), duration.new(2), 10**6].each do |time|
        expect { take(time, &taken) }.not_to raise_error
      end
    end

    it "of #{taker} are refused by name" do
      { "must not be negative" => [-1, -0.5, Rational(-1, 2), duration.new(-1), -Float::INFINITY],
        "must be a number of seconds" => ["5", "x", :soon, [], Object.new, true, Float::NAN, Complex(1, 1)] }.each do |words, times|
        times.each { |time| expect { take(time, &taken) }.to raise_error(ArgumentError, /\A#{name}: #{words}/) }
      end
    end
  end

  it "of an option are off when they are nil, 0 or infinite" do
    [nil, 0, 0.0, Float::INFINITY].each { |time| expect(client_for(fake_server, heartbeat: time).heartbeat).to be_nil }
  end

  it "that are no millisecond are one: nothing is to be polled for" do
    expect([1e-9, 0.0009, 0.001, 0.002].map { |time| client.tap { client.heartbeat = time }.heartbeat }).to eq([0.001, 0.001, 0.001, 0.002])
  end
end
