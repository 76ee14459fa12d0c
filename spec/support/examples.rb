# frozen_string_literal: true

# What examples are made of: a loop, clients and workers on it, and time for things to happen.
#
# Whatever was made here is closed after the example, and its counters have to add up.
module Examples
  PATIENCE = 30

  # One per example; `eventually` turns it.
  def loop = @loop ||= EVGearman::Loop.new

  # What `on_error` of clients and workers made here was told.
  def errors = @errors ||= []

  # What blocks raised; an example that wants some gives a hook of its own.
  def callback_errors = @callback_errors ||= []

  def client_for(server, **options)
    keep(EVGearman::Client.new(url: server.url, loop: loop, **hooks, **options))
  end

  def worker_for(server, **options)
    keep(EVGearman::Worker.new(url: server.url, loop: loop, **hooks, **options))
  end

  # To be closed and checked after the example.
  def keep(connection)
    (@connections ||= []) << connection
    connection
  end

  def fake_server(**options, &script)
    FakeServer.start(**options, &script).tap { |server| (@servers ||= []) << server }
  end

  # A gearmand for this example alone.
  def own_gearmand(*args)
    Gearmand.start(*args).tap { |server| (@servers ||= []) << server }
  end

  # Turns the loop until the block is true; answers its value. A liveness check: it fails after PATIENCE, which says
  # nothing about how long it takes.
  def eventually(patience = PATIENCE)
    deadline = now + patience
    until (value = yield)
      raise "it did not happen within #{patience} s" if now > deadline

      @loop.nil? || @loop.closed? || @loop.running? ? sleep(0.005) : @loop.run_once(0.02)
    end
    value
  end

  # Turns the loop until all that is under way on these connections has been answered.
  def settle(*connections)
    connections.each { |connection| connection.echo("settled").value(PATIENCE) }
  end

  # All objects that can move have moved.
  def move
    GC.verify_compaction_references(toward: :empty, (RUBY_VERSION < "3.2" ? :double_heap : :expand_heap) => true)
  rescue NotImplementedError, ArgumentError
    GC.respond_to?(:compact) ? GC.compact : skip("this Ruby moves nothing")
  end

  # A Task of the `client` of an example, of a job that nobody does.
  def never(timeout = 60) = client.submit_job("nobody-does-this", "", timeout: timeout)

  # A thread that drives, for the sake of a Task of which nothing comes; and that.
  def driver
    goal = never
    thread = Thread.new { goal.wait(PATIENCE) }
    sleep(0.001) until loop.running?
    [thread, goal]
  end

  # A function name that no other example uses, even on the shared server.
  def function(name = "f")
    @@functions = (defined?(@@functions) ? @@functions : 0) + 1
    "#{name}-#{Process.pid}-#{@@functions}"
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  # What an error says, without what it is about and where.
  def short(error) = error.message.sub(/(, of .+)? \(\S+\)\z/, "")

  def tear_down
    close_connections(@connections || [])
  ensure
    surprises = (@servers || []).flat_map(&:stop)
    RSpec::Expectations.fail_with("the script was surprised: #{surprises.join("; ")}") if surprises.any?
    RSpec::Expectations.fail_with("blocks raised: #{callback_errors.inspect}") if callback_errors.any?
  end

  private

  def close_connections(connections)
    connections.each { |connection| check_counters(connection) }
    connections.each { |connection| connection.close(0) }
    connections.each { |connection| check_counters(connection, pending: 0) }
    loop.close # also one that the example calls so itself
  end

  def hooks
    { on_error: ->(error) { errors << error }, on_callback_error: ->(error, where) { callback_errors << [where, error] } }
  end

  def check_counters(connection, pending: nil)
    stats = connection.stats
    return if stats[:submitted] == stats[:resolved] + stats[:pending] && (pending.nil? || stats[:pending] == pending)

    RSpec::Expectations.fail_with("requests do not add up: #{stats}")
  end
end

RSpec.configure do |config|
  config.include Examples
  config.before { loop } # before there are threads that would each make one
  config.after { tear_down }

  # What an example configured is of the process.
  config.before { @configured = EVGearman.configuration }
  config.after { EVGearman.instance_variable_set(:@configuration, @configured) }
end
