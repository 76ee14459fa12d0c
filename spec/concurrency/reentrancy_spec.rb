# frozen_string_literal: true

# Every kind of block, doing everything that a block may do, at two depths. Each cell has a client or worker whose block
# it is (@subject) and a second client (@other), both with requests before and behind it. Whatever the block does, every
# request comes to one end and tells it once, and the loop goes on. (Handlers of jobs do not start in a block that waits:
# two deep they are asked for there, and called behind it.)
RSpec.describe "A block may do anything:" do
  nudge = Class.new(StandardError)

  # What is done there. `thread` is how the thread ends that drives meanwhile.
  actions = {
    "runs the loop" => [:acted, -> { loop.run(0.001) || wait(@other.echo("nested")) }],
    "asks for more" => [:acted, -> { ask(@subject, "more") && ask(@other, "more of the other") }],
    "disconnects" => [:acted, -> { @subject.disconnect }],
    "closes" => [:acted, -> { @subject.close(0) }],
    "raises" => [:acted, -> { raise nudge, "out" }],
    "throws" => [:thrown, -> { throw(:out, :thrown) }],
    "kills its thread" => [nil, -> { Thread.current.kill }],
    "drops every reference" => [:acted, -> { (@subject = nil) || GC.start }]
  }

  # The block, by the name that `on_callback_error` is told: how to come to be called. A second lambda prepares that.
  kinds = {
    "block" => [->(act) { job("good", &act) }],
    "on_created" => [->(act) { job("good").on_created(&act) }],
    "on_data" => [->(act) { job("good").on_data(&act) }],
    "on_warning" => [->(act) { job("good").on_warning(&act) }],
    "on_status" => [->(act) { job("good").on_status(&act) }],
    "on_exception" => [->(act) { job("raises").on_exception(&act) }],
    "on_complete" => [->(act) { job("good").on_complete(&act) }],
    "on_fail" => [->(act) { job("fails").on_fail(&act) }],
    "on_finish" => [->(act) { job("good").on_finish(&act) }],
    "admin" => [->(act) { @subject.server_version(&act) }],
    "on_connect" => [->(act) { made(EVGearman::Client).on_connect(&act) && @subject.connect }],
    "on_disconnect" => [->(_) { @subject.disconnect }, ->(act) { connected.on_disconnect(&act) }],
    "on_error" => [->(act) { refused.on_error(&act) && ask(@subject, "refused") }],
    "on_drain" => [->(_) { fill(@subject) }, ->(act) { made(EVGearman::Client, max_unsent: 1000).on_drain(&act) }],
    "on_callback_error" => [->(_) { @subject.echo("x") { raise "x" } }, ->(act) { @subject.on_callback_error(&act) }],
    "timer" => [->(act) { loop.after(0, &act) }],
    "every" => [->(act) { @every = loop.every(0.001, &act) }],
    "post" => [->(act) { loop.post(&act) }],
    "job" => [->(_) { ask_for_job }, ->(act) { working.register_function(@function) { act.call && "done" } }],
    "async job" => [->(_) { ask_for_job }, ->(act) { working.register_function(@function, async: true) { |job| later(job) && act.call } }],
    "on_lost" => [->(_) { @subject.disconnect }, ->(act) { hold_a_job.on_lost(&act) }],
    "on_idle" => [->(act) { @subject.work(&act) }, ->(_) { working.register_function(@function) { "done" } }]
  }

  before(:context) do
    @server = Servers.usual.shared
    @elsewhere = EVGearman::Worker.new(url: @server.url, loop: EVGearman::Loop.new, on_callback_error: ->(*) {})
    @elsewhere.register_function("matrix-good") { |job| job.status(1, 2) && job.warning("w") && job.send_data("d") && "done" }
    @elsewhere.register_function("matrix-raises") { raise "on purpose" }
    @elsewhere.register_function("matrix-fails", &:fail)
    @elsewhere.work
    @turner = Thread.new { @elsewhere.loop.run }
  end

  after(:context) do
    @elsewhere.loop.stop
    @turner.join
    @elsewhere.close
  end

  before do
    @asked = []
    @ends = Hash.new { |ends, name| ends[name] = [] }
    @told = []
    @acted = 0
    @nested = false
    @function = function("matrix")
    allow(EVGearman).to receive(:_warn_callback_error) { |error, where| @told << [where, error.class] }
    @other = made(EVGearman::Client)
    @subject = made(EVGearman::Client)
  end

  # -- the cast --------------------------------------------------------------------------------------------------------

  # Kept by nobody else: an action may drop it.
  def made(type, server = @server, **options)
    @subject = type.new(url: server.url, loop: loop, on_error: ->(_) {}, reconnect_delay: 0.001,
                        on_callback_error: ->(error, where) { @told << [where, error.class] }, **options)
  end

  def connected = @subject.tap { wait(@subject.echo("connected")) }
  def working = made(EVGearman::Worker)

  # A port where nobody listens, and nobody can.
  def refused
    @socket = Socket.new(:INET, :STREAM).tap { |socket| socket.bind(Addrinfo.tcp("127.0.0.1", 0)) }
    port = @socket.local_address.ip_port
    made(EVGearman::Client, Struct.new(:url).new("127.0.0.1:#{port}"), reconnect: false)
  end

  # -- requests, and a ledger of how they ended ------------------------------------------------------------------------

  def wait(task) = task.value(Examples::PATIENCE)

  def note(name)
    @asked << name
    ->(value, error) { @ends[name] << (error || value) }
  end

  def ask(client, name)
    client.echo(name, &note(name))
  rescue EVGearman::BackpressureError
    @asked.delete(name)
  end

  def job(name)
    block = block_given? ? proc { yield } : nil
    @subject.submit_job("matrix-#{name}", "x", timeout: 60, &block).on_finish(&note("job"))
  end

  def ask_for_job
    @subject.work
    @other.submit_job(@function, "x", timeout: 60, &note("job"))
  end

  def later(job) = loop.after(0.001) { job.complete("done") unless job.finished? || job.lost? }

  # Assigned, and in nobody's hands when this returns.
  def hold_a_job
    held = nil
    working.register_function(@function, async: true) { |job| held ||= job }
    ask_for_job
    eventually { held }
  end

  def fill(client) = ask(client, "x" * 5000) && ask(client, "one too many")

  # -- a cell ------------------------------------------------------------------------------------------------------------

  # Drives on a thread of its own, which may have to die.
  def perform(action, prepare, trigger, depth)
    act = proc do
      next :acted if (@acted += 1) > 1

      @in_a_block = @nested
      instance_exec(&action)
    end
    instance_exec(act, &prepare) if prepare
    Thread.new do
      catch(:out) do
        at_depth(depth) { surrounded { instance_exec(act, &trigger) } }
        eventually { @acted.positive? }
        :acted
      end
    end
  end

  def turn_until(deadline = now + Examples::PATIENCE)
    loop.run_once(0.01) until yield || now > deadline
  end

  def at_depth(depth)
    return yield if depth == 1

    @other.echo("outer") do
      @nested = true
      yield
      @handler_waits ? loop.run(0.01) : turn_until { @acted.positive? }
    ensure
      @nested = false
    end
  end

  def surrounded
    2.times { |n| ask(@subject, "before #{n}") && ask(@other, "other before #{n}") }
    yield
    2.times { |n| ask(@subject, "behind #{n}") && ask(@other, "other behind #{n}") } unless @subject.closed?
  end

  # Jobs that were handed back are done by somebody.
  def replace
    @replacement = worker_for(@server).work
    @replacement.register_function(@function) { "done" }
  end

  def settle_down
    replace
    eventually { @asked.all? { |name| @ends[name].any? } }
    loop.run(0.002)
    @every&.cancel
  end

  def ends_of(pattern) = @ends.select { |name, _| name.match?(pattern) }.values

  # Where `on_callback_error` is told that it happened; an error of its own is nobody's.
  def told_of(kind, error)
    return [] if kind == "on_callback_error"

    [[{ "admin" => "block", "every" => "timer", "async job" => "job" }.fetch(kind, kind), error]]
  end

  # A closed one says so; where nobody listens that is what is heard.
  def usable?(client)
    wait(client.echo("again")) == "again"
  rescue EVGearman::ConnectionError => e
    short(e) == (client.closed? ? "closed" : "connect failed: Connection refused")
  end

  kinds.each do |kind, (trigger, prepare)|
    actions.each do |name, (ending, action)|
      [1, 2].each do |depth|
        it "#{kind} #{name}#{" two deep" if depth == 2}" do
          @handler_waits = kind.end_with?("job")
          thread = perform(action, prepare, trigger, depth)
          expect(thread.value).to eq(ending)
          settle_down
          expect(@in_a_block).to be(depth == 2 && !@handler_waits)
          expect(@ends.values.map(&:size)).to all(eq(1))
          expect(ends_of(/\Aother/)).to eq(Array.new(4) { |n| ["other #{n < 2 ? "before" : "behind"} #{n % 2}"] })
          told = @told.map { |where, error| [where.sub(/\Ajob .*/, "job"), error] }
          expect(told).to eq(name == "raises" ? told_of(kind, nudge) : [])
          expect([@other, @subject].compact.map { |client| usable?(client) }).to all(be(true))
          [@other, @subject].compact.each { |client| keep(client) }
        end
      end
    end
  end
end
