# frozen_string_literal: true

# Workers, as an operator runs them, while whoever has a part in it is killed, so many times each.
#
#     rake deaths[20,2]        or: ruby -Ilib spec/proofs/deaths.rb ROUNDS SERVERS [SEED]
#
# `evgearman work -p 2 -c 5` on gearmands that keep their jobs in sqlite files: a gearmand is killed and brought back, a worker's
# process is killed, its supervisor is killed and started again, or told to end and started again. What was acknowledged and what
# was run is noted, and compared at the end: nothing that was acknowledged is lost, and nothing ran twice unless a death
# explains it. How long nothing was run after each is printed.

require_relative "proof"
require_relative "deaths/history"

class Deaths < Proof
  KINDS = %i[server process supervisor term].freeze
  PROGRAM = File.expand_path("../../exe/evgearman", __dir__)
  HANDLERS = File.expand_path("deaths/handlers.rb", __dir__)
  BACKLOG = 100 # jobs of each server that wait at most

  def initialize(rounds, servers, seed)
    super(Array.new(servers) { ChaosServer.new("--queue-type=libsqlite3", "--libsqlite3-db=queue") })
    @rounds = rounds
    @seed = seed
    @random = Random.new(seed)
    @history = History.new(File.join(@dir, "history"))
    @acknowledged = Array.new(servers) { [] }
    @lock = Mutex.new # reads of the history
  end

  private

  def prove
    start_workers
    threads = @servers.each_index.map { |n| Thread.new { submit(n) } }
    (KINDS * @rounds).shuffle(random: @random).each { |kind| trouble(kind) }
    progress("after the last")
    @over = true
    join(threads)
  end

  def chief = @processes.last

  # -- load ----------------------------------------------------------------------------------------------------------------

  # Only what the server has acknowledged counts.
  def submit(number)
    client = EVGearman::Client.new(url: @servers[number].url, loop: EVGearman::Loop.new, command_timeout: 2,
                                   reconnect_max_delay: 0.2, on_error: ->(_) {})
    n = 0
    submit_one(client, number, n += 1) until @over
  ensure
    client.close(0)
  end

  def submit_one(client, number, id)
    return sleep(0.005) if @acknowledged[number].last(BACKLOG).size == BACKLOG && waiting?(number)

    client.enqueue("work", "#{number}-#{id}")
    @acknowledged[number] << "#{number}-#{id}"
  rescue EVGearman::Error
    sleep(0.005)
  end

  # Is that one not done which was acknowledged so many jobs ago? One thread after the other reads what was done.
  def waiting?(number)
    @lock.synchronize { !@history.done?(@acknowledged[number][-BACKLOG]) }
  end

  def start_workers
    command = [PROGRAM, "work", "-p", "2", "-c", "5", "-r", HANDLERS, "-s", @servers.map(&:url).join(",")]
    env = { "HISTORY" => @history.path, "RUBYOPT" => nil }
    @processes << spawn_ruby(*command, env: env, %i[out err] => [log, "a"])
  end

  def log = File.join(@dir, "log")

  # -- trouble ---------------------------------------------------------------------------------------------------------------

  # When all goes on.
  def trouble(kind)
    progress("before #{kind}")
    sleep(@random.rand * 0.2)
    at = now
    server, pids = send(kind)
    @history.deaths << History::Death.new(kind, server, pids.to_a, at, now)
  end

  def server
    number = @random.rand(@servers.size)
    @servers[number].kill
    sleep(@random.rand * 0.3)
    @servers[number].start
    [number, []]
  end

  def process
    pid = children.sample(random: @random)
    Process.kill("KILL", pid) if pid
    [nil, [pid]]
  rescue Errno::ESRCH
    [nil, []]
  end

  # Its children finish what they have, beside those of the next one.
  def supervisor = succeed("KILL")
  def term = succeed("TERM")

  def succeed(signal)
    Process.kill(signal, chief)
    start_workers
    [nil, []]
  end

  def children = File.read("/proc/#{chief}/task/#{chief}/children").split.map(&:to_i)

  # Enough is run that was not before.
  def progress(moment)
    goal = began + 30
    deadline = now + PATIENCE
    sleep(0.01) until began >= goal || now > deadline
    raise "nothing is run #{moment}:\n#{File.read(log).chars.last(3000).join}" if began < goal
  end

  def began = @lock.synchronize { @history.began }

  # -- the end ---------------------------------------------------------------------------------------------------------------

  def verify
    deadline = now + PATIENCE
    sleep(0.05) until (lost = @acknowledged.flatten.reject { |id| @history.done?(id) }).empty? || now > deadline
    violation("#{lost.size} acknowledged jobs were lost: #{lost.first(5).join(" ")}") if lost.any?
    @history.unexplained.each { |first, second| violation("ran twice: #{first.to_a.join(" ")}, then #{second.to_a.join(" ")}") }
  end

  def report
    puts "#{@acknowledged.sum(&:size)} jobs acknowledged, #{@history.runs.size} run, #{@history.again} again"
    @history.deaths.group_by(&:kind).sort.each do |kind, deaths|
      pauses = deaths.filter_map { |death| @history.pause(death) }
      puts format("%-10s %3d times; nothing was run for %.2f s, %.2f s at most", kind, deaths.size, *pauses.minmax)
    end
    verdict("seed #{@seed}")
  end

  def clean_up
    @over = true
    super("QUIT")
  end
end

rounds = Integer(ARGV.fetch(0, 20))
servers = Integer(ARGV.fetch(1, 2))
exit(Deaths.new(rounds, servers, Integer(ARGV.fetch(2) { Random.new_seed % 1_000_000 })).run)
