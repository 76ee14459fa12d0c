# frozen_string_literal: true

# Clients and workers for so many seconds, while their gearmand and their workers are killed and frozen.
#
#     rake soak[600]        or: ruby -Ilib spec/proofs/soak.rb SECONDS [SEED]
#
# The gearmand keeps its background jobs in a sqlite file. What was asked, acknowledged, executed and answered is noted,
# and compared at the end: no background job that was acknowledged is lost, no answer went to somebody else, every
# foreground request ended once, and the workers are at work again.

require_relative "proof"

class Soak < Proof
  WORKERS = 2
  TROUBLES = %i[kill_server kill_worker freeze_server freeze_worker].freeze

  def initialize(seconds, seed)
    super([ChaosServer.new("--queue-type=libsqlite3", "--libsqlite3-db=queue")])
    @seconds = seconds
    @seed = seed
    @random = Random.new(seed)
    @server = @servers.first
    @loop = EVGearman::Loop.new
    @clients = Array.new(2) { new_client }
    @acknowledged = []
    @ends = Hash.new(0) # of foreground requests, by id
  end

  private

  def prove
    @processes = Array.new(WORKERS) { |n| spawn_worker(n) }
    @ends_at = now + @seconds
    threads = ACTORS.map { |actor| Thread.new { act(actor) } }
    trouble while now < @ends_at
    join(threads)
  end

  def new_client
    EVGearman::Client.new(url: @server.url, loop: @loop, command_timeout: 2, heartbeat: 2, lost_check: 2,
                          reconnect_max_delay: 0.2, on_error: ->(_) { @counts[:connection_errors] += 1 })
  end

  # -- clients ----------------------------------------------------------------------------------------------------------

  # Each by itself on a thread, all of them on two connections.
  ACTORS = %i[enqueue enqueue call call burst].freeze

  def act(actor)
    random = Random.new(@seed + @counts[:actors] += 1)
    send(actor, @clients[random.rand(@clients.size)]) while now < @ends_at
  end

  def new_foreground_id = new_id.tap { |id| @ends[id] = 0 }

  # Only what the server has acknowledged counts.
  def enqueue(client)
    id = new_id
    client.enqueue("background", id)
    @acknowledged << id
    sleep(0.001)
  rescue EVGearman::Error => e
    @counts[:"background: #{e.delivery}"] += 1
  end

  def call(client)
    id = new_foreground_id
    answer = client.call("foreground", id, timeout: 5)
    ended(id, answer)
  rescue EVGearman::Error => e
    ended(id, nil, e)
  end

  def burst(client)
    tasks = Array.new(50) do |n|
      id = new_foreground_id
      client.submit_job(n % 10 == 9 ? "slow" : "foreground", id, timeout: 5) { |answer, error| ended(id, answer, error) }
    end
    tasks.each { |task| task.wait(PATIENCE) or violation("no end of a request in #{PATIENCE} s") }
  rescue EVGearman::Error => e
    violation("not taken: #{e.message}")
  end

  def ended(id, answer, error = nil)
    @ends[id] += 1
    @counts[error ? :"foreground: #{error.class.name[/\w+\z/]}" : :answered] += 1
    violation("#{id} was answered #{answer.inspect}") unless error || answer == "answer to #{id}"
  end

  # -- trouble ------------------------------------------------------------------------------------------------------------

  def trouble
    @troubles = TROUBLES.shuffle(random: @random) if @troubles.to_a.empty?
    sleep([0.2 + @random.rand * [@seconds / 10.0, 2].min, @ends_at - now].min.clamp(0, 2))
    what = @troubles.shift
    @counts[what] += 1
    send(what)
  end

  def kill_server
    @server.kill
    sleep(@random.rand * 0.3)
    @server.start
  end

  # Longer, now and then, than clients have patience.
  def freeze_server
    @server.freeze
    sleep(@random.rand * [@seconds / 20.0, 3].min)
    @server.thaw
  end

  def kill_worker
    number = @random.rand(WORKERS)
    end_process(@processes[number], "KILL")
    @processes[number] = spawn_worker(number)
  end

  def freeze_worker
    pid = @processes.sample(random: @random)
    Process.kill("STOP", pid)
    sleep(@random.rand * [@seconds / 20.0, 1].min)
    Process.kill("CONT", pid)
  end

  # -- the end --------------------------------------------------------------------------------------------------------------

  def verify
    deadline = now + PATIENCE
    call(@clients.first) until now > deadline || in_service?
    sleep(0.1) until now > deadline || (lost = @acknowledged - noted).empty?
    violation("#{lost.size} acknowledged jobs were lost: #{lost.first(5)}") if lost&.any?
    @ends.values.tally.each do |ends, count|
      violation("#{count} foreground requests ended #{ends} times") unless ends == 1
    end
    @clients.each { |client| verify_client(client.stats) }
  end

  def in_service?
    Array.new(20) { @clients.first.call("foreground", "last", timeout: 5) } == ["answer to last"] * 20
  rescue EVGearman::Error
    false
  end

  def report
    @counts.delete(:actors)
    ran = noted
    puts "#{@acknowledged.size} background jobs acknowledged, #{(ran.uniq & @acknowledged).size} of them executed, " \
         "#{ran.size - ran.uniq.size} again; #{@ends.size} foreground requests"
    print_counts
    verdict("#{@seconds} s, seed #{@seed}")
  end
end

seconds = Float(ARGV.fetch(0, 60))
exit(Soak.new(seconds, Integer(ARGV.fetch(1) { Random.new_seed % 1_000_000 })).run)
