# frozen_string_literal: true

# Eight threads on one loop, while others kill them, raise into them, fork, disconnect, and kill the server.
#
#     rake chaos[60]        or: ruby -Itmp/debug/lib -Ilib spec/chaos/chaos.rb [--tls] SECONDS [SEED]
#     rake chaos:tls[60]    by TLS, on a server of ours instead of gearmand
#
# Exits with 1 and says why when a call hangs, when an answer comes to somebody else, when a block is called twice or
# never, when the seat is not free at the end, or when the requests do not add up.

require "evgearman"
require "timeout"
require_relative "secure_server"
require_relative "server"
require_relative "../support/small_scheduler"

Thread.report_on_exception = false

class Chaos
  THREADS = 8
  CLIENTS = 3
  HUNG_AFTER = 60

  # An Exception, so that no gate takes it for the failure of a block.
  Kick = Class.new(Exception) # rubocop:disable Lint/InheritException
  Nudge = Class.new(StandardError)

  # @param server [ChaosServer]
  def initialize(server, seconds, seed)
    @seconds = seconds
    @random = Random.new(seed)
    @seed = seed
    @counts = Hash.new(0)
    @violations = []
    @since = {} # thread => [what it does, since when]
    @cells = [] # [calls of a block, was a Task handed out?]
    @server = server
    @loop = EVGearman::Loop.new
    @clients = Array.new(CLIENTS) { new_client }
    @all = @clients.dup
  end

  def run
    start
    torment until now > @ends_at || @violations.any?
    finish
    report
  ensure
    @server.stop
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def violation(text) = @violations << text

  def new_client(loop = @loop)
    EVGearman::Client.new(url: @server.url, tls: @server.tls, loop: loop, command_timeout: 5, reconnect_max_delay: 0.2,
                          on_error: ->(_) { @counts[:on_error] += 1 },
                          on_callback_error: ->(error, _) { @counts[:"block raised #{error.class}"] += 1 })
  end

  def start
    @ends_at = now + @seconds
    @worker = Thread.new { work }
    @threads = Array.new(THREADS) { |n| spawn(n) }
  end

  # -- the tormented ---------------------------------------------------------------------------------------------

  def spawn(number)
    random = Random.new(@random.seed + @counts[:spawned] + number)
    @counts[:spawned] += 1
    Thread.new { act(random) until now > @ends_at }
  end

  def act(random)
    what = ACTS[random.rand(ACTS.size)]
    @since[Thread.current] = [what, now]
    send(what, @clients[random.rand(CLIENTS)], random)
    @counts[what] += 1
  rescue Kick
    @counts[:kicked] += 1
  rescue EVGearman::Error, Timeout::Error, Nudge => e
    @counts[e.class.name] += 1
  ensure
    @since.delete(Thread.current)
  end

  # Every payload names its owner.
  def payload(random) = "#{Thread.current.object_id}:#{@counts[:payloads] += 1}:#{"x" * random.rand(200)}"

  def check(given, got)
    violation("#{given[0, 40]} was answered #{got.inspect[0, 40]}") unless given == got
  end

  # The block of a request, counted.
  def counted
    @cells << (cell = [0, false])
    task = yield(-> { cell[0] += 1 })
    cell[1] = true
    task
  end

  def echo(client, random)
    given = payload(random)
    check(given, client.echo(given).value)
  end

  def call(client, random)
    given = payload(random)
    check(given, client.call("chaos", given, timeout: 5))
  end

  def window(client, random)
    given = Array.new(20) { payload(random) }
    tasks = given.map { |text| client.echo(text) }
    tasks.shuffle(random: random).each(&:wait)
    given.zip(tasks) { |text, task| check(text, task.value) }
  end

  def impatient(client, random)
    given = payload(random)
    check(given, client.echo(given).value(random.rand * 0.002))
  end

  def timed_out(client, random)
    given = payload(random)
    check(given, Timeout.timeout(random.rand * 0.005) { client.echo(given).value })
  end

  def fire(client, random)
    given = payload(random)
    counted { |count| client.echo(given) { |got, error| count.call && error.nil? && check(given, got) } }
  end

  def nested(client, random)
    outer, inner = payload(random), payload(random)
    task = counted do |count|
      client.echo(outer) do |got, error|
        count.call
        check(outer, got) unless error
        check(inner, client.call("chaos", inner, timeout: 2))
      end
    end
    check(outer, task.value)
  end

  def nested_run(client, random)
    counted { |count| client.echo(payload(random)) { count.call && @loop.run(0.002) } }.value
  end

  def failing(client, random)
    counted { |count| client.echo(payload(random)) { count.call && raise(Nudge) } }.value
  end

  def throwing(client, random)
    tag = Object.new
    catch(tag) do
      thrower = Thread.current
      counted { |count| client.echo(payload(random)) { count.call && Thread.current == thrower && throw(tag) } }.value
    end
  end

  def slow(client, random)
    counted { |count| client.echo(payload(random)) { count.call && sleep(random.rand * 0.25) } }.value
  end

  def running(_client, random) = @loop.run(random.rand * 0.02)
  def turning(_client, random) = @loop.run_once(random.rand * 0.01)
  def stopping(_client, _random) = @loop.stop
  def timer(_client, random) = @loop.after(random.rand * 0.02) { @counts[:timers_fired] += 1 }
  def posting(_client, _random) = @loop.post { @counts[:posts_called] += 1 }
  def disconnecting(client, random) = random.rand < 0.05 && client.disconnect
  def flushing(client, _random) = client.flush(1)

  # It may be kicked before it has cancelled it.
  def cancelling(_client, random)
    cancelled = false
    timer = @loop.after(random.rand * 0.02) { cancelled && violation("a cancelled timer fired") }
    timer.cancel
    cancelled = true
  end

  def short_lived(_client, random)
    client = new_client
    @all << client
    echo(client, random)
    random.rand < 0.5 ? client.close(0.1) : client.disconnect
  end

  def dropped(_client, random)
    client = new_client
    10.times { client.echo(payload(random)) }
    nil
  end

  def own_loop(_client, random)
    client = new_client(own = EVGearman::Loop.new)
    echo(client, random)
    own.close
  end

  def enumerating(client, random)
    given = payload(random)
    fiber = Enumerator.new { |y| client.echo(given) { y << 1 }.wait(0.05) }
    fiber.next
  rescue StopIteration
    nil
  end

  # On a thread that nobody torments: it has a scheduler.
  def fibers(client, random)
    Thread.new do
      Fiber.set_scheduler(SmallScheduler.new)
      4.times { |n| Fiber.schedule { in_fiber(client, random, n) } }
    end.join
  end

  def in_fiber(client, random, number)
    number.zero? ? call(client, random) : echo(client, random)
  rescue EVGearman::Error => e
    @counts[e.class.name] += 1
  end

  ACTS = (%i[echo call window fire nested] * 4) + (%i[impatient timed_out failing throwing running turning] * 2) +
         %i[nested_run slow stopping timer cancelling posting disconnecting flushing short_lived dropped own_loop
            enumerating fibers]

  # Answers jobs on a loop of its own, come what may.
  def work
    worker = EVGearman::Worker.new(url: @server.url, tls: @server.tls, loop: EVGearman::Loop.new, reconnect_max_delay: 0.2,
                                   on_error: ->(_) {})
    worker.register_function("chaos", &:workload)
    worker.work
    worker.loop.run(0.5) until now > @ends_at + HUNG_AFTER
  end

  # -- the tormentor -----------------------------------------------------------------------------------------------

  def torment
    sleep(@random.rand * 0.01)
    victim = @threads.sample(random: @random)
    case @random.rand(1000)
    when 0...250 then victim.raise(Kick) && @counts[:raises] += 1
    when 250...400 then victim.raise(Nudge) && @counts[:raises] += 1
    when 400...600 then victim.kill && @counts[:kills] += 1
    when 600...612 then fork_child
    when 612...614 then restart_server
    when 614...630 then collect
    end
    revive
    watch
  rescue ThreadError
    nil # it was dead already
  end

  def revive
    @threads.map!.with_index { |thread, n| thread.alive? ? thread : spawn(n) }
    @since.delete_if { |thread, _| !thread.alive? }
  end

  def watch
    @since.to_a.each do |thread, (what, since)|
      next if now - since < HUNG_AFTER

      violation("#{what} hangs for #{(now - since).round} s:\n    #{thread.backtrace&.first(12)&.join("\n    ")}")
    end
  end

  def collect
    @random.rand < 0.3 ? GC.compact : GC.start
    @counts[:collections] += 1
  rescue NotImplementedError
    GC.start
  end

  def restart_server
    @server.kill
    sleep(@random.rand * 0.3)
    @server.start
  end

  # The child may find no server; it may not hang, crash, or get a foreign answer.
  def fork_child
    @counts[:forks] += 1
    pid = fork { child }
    deadline = now + HUNG_AFTER
    until Process.wait(pid, Process::WNOHANG)
      next sleep(0.005) if now < deadline

      violation("a forked child hangs")
      Process.kill("KILL", pid)
      Process.wait(pid)
    end
    violation("a forked child ended with #{$?}") unless $?.success?
  end

  def child
    client = @clients.sample(random: @random)
    if @random.rand < 0.7
      given = "child #{Process.pid}"
      got = client.echo(given).value(10)
      exit!(2) unless got == given
    end
    @random.rand < 0.5 ? exit : exit!(0)
  rescue EVGearman::Error
    exit!(0)
  rescue Exception => e # rubocop:disable Lint/RescueException -- exit is one of them
    exit!(0) if e.is_a?(SystemExit)
    warn("in a child: #{e.full_message}")
    exit!(3)
  end

  # -- the end -------------------------------------------------------------------------------------------------------

  def finish
    @threads.each { |thread| await(thread) }
    @worker.kill.join
    deadline = now + HUNG_AFTER
    @loop.run(0.05) until now > deadline || @all.all? { |client| client.stats[:pending].zero? }
    @loop.run(0.3)
    verify
    @all.each { |client| client.close(0) }
  end

  def await(thread)
    return if thread.join(HUNG_AFTER)

    violation("#{@since[thread]&.first} hangs at the end:\n    #{thread.backtrace&.first(12)&.join("\n    ")}")
  rescue Exception # rubocop:disable Lint/RescueException -- what it died of was thrown at it
    nil
  end

  def verify
    violation("the seat is taken") if @loop.running?
    @all.each { |client| verify_client(client.stats) }
    twice = @cells.count { |calls, _| calls > 1 }
    never = @cells.count { |calls, handed_out| handed_out && calls.zero? }
    violation("#{twice} blocks were called more than once") if twice.positive?
    violation("#{never} blocks were never called") if never.positive?
  end

  def verify_client(stats)
    @counts[:submitted] += stats[:submitted]
    violation("requests do not add up: #{stats}") unless stats[:submitted] == stats[:resolved] + stats[:pending]
    violation("requests are left over: #{stats}") unless stats[:pending].zero?
  end

  def report
    @counts[:server_restarts] = @server.restarts
    @counts[:blocks] = @cells.sum(&:first)
    puts(@counts.sort_by { |name, _| name.to_s }.map { |name, count| "#{name} #{count}" }.join(", "))
    puts("chaos#{", by TLS" if @server.tls}: #{@seconds} s, seed #{@seed}, ruby #{RUBY_VERSION}: #{@violations.empty? ? "ok" : "VIOLATED"}")
    @violations.uniq.first(20).each { |text| puts("  #{text}") }
    @violations.empty?
  end
end

server = (ARGV.delete("--tls") ? SecureChaosServer : ChaosServer).new
seconds = Float(ARGV.fetch(0, 60))
exit(Chaos.new(server, seconds, Integer(ARGV.fetch(1) { Random.new_seed % 1_000_000 })).run)
