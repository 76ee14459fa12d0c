# frozen_string_literal: true

# A client with eight threads and two workers at three gearmands, of which one after the other is killed and comes back.
#
#     rake failover[60]        or: ruby -Ilib spec/proofs/failover.rb SECONDS [BACK_WITHIN]
#
# What was asked, acknowledged, begun and answered is noted, and compared at the end: a foreground job has its own answer,
# or an error whose `delivery` is true; asked again where that is `retriable?`, it succeeds; a background job is lost only with
# the server that had it; and workers are back at a server so many seconds after it is.

require_relative "proof"

class Failover < Proof
  SERVERS = 3
  WORKERS = 2
  EVERY = 2 # seconds, the next one is killed
  DOWN = 0.5

  Acknowledged = Struct.new(:id, :server, :asked_at)

  def initialize(seconds, back_within)
    super(Array.new(SERVERS) { ChaosServer.new })
    @seconds = seconds
    @back_within = back_within
    @client = EVGearman::Client.new(servers: @servers.map(&:url), loop: EVGearman::Loop.new, on_error: ->(_) {})
    @deaths = Hash.new { |deaths, url| deaths[url] = [] }
    @acknowledged = []
    @deliveries = {} # of attempts that failed, by id
    @pauses = []
  end

  private

  def prove
    @processes = Array.new(WORKERS) { |n| spawn_worker(n) }
    @servers.each { |server| workers_back(server) }
    @ends_at = now + @seconds
    threads = ACTORS.map { |actor| Thread.new { send(actor) while now < @ends_at } }
    kill_in_turn
    join(threads)
  end

  # -- the client ----------------------------------------------------------------------------------------------------------

  # Each on a thread.
  ACTORS = %i[background background keyed keyed keyed plain plain plain].freeze

  # Only what a server has acknowledged counts.
  def background
    id = new_id
    asked_at = now
    task = @client.submit_job_bg("background", id)
    task.value
    @acknowledged << Acknowledged.new(id, task.server, asked_at)
    sleep(0.002)
  rescue EVGearman::Error => e
    failed(id, e)
  end

  # With a key it may be asked again whatever became of it.
  def keyed
    id = new_id
    done = 20.times.any? { |attempt| answered?("#{id}, attempt #{attempt}", unique: id) }
    violation("#{id} never succeeded") unless done
  end

  def plain = answered?(new_id)

  # Does it need no other attempt?
  def answered?(id, **options)
    answer = @client.call("foreground", id, **options, timeout: 10)
    @counts[:answered] += 1
    violation("#{id} was answered #{answer.inspect}") unless [id, options[:unique]].any? { |asked| own?(answer, asked) }
    true
  rescue EVGearman::Error => e
    failed(id, e)
    violation("with a key #{e.class} is not retriable: #{e.message}") if options[:unique] && !e.retriable?
    !e.retriable?
  end

  # Another attempt's, under the same key, is its own, too.
  def own?(answer, asked) = asked && answer.start_with?("answer to #{asked}")

  def failed(id, error)
    @counts[:"#{error.class.name[/\w+\z/]} #{error.delivery}"] += 1
    @deliveries[id] = error.delivery
  end

  # -- trouble -------------------------------------------------------------------------------------------------------------

  def kill_in_turn
    turn = @servers.cycle
    while sleep_for(EVERY - DOWN)
      server = turn.next
      server.kill
      @deaths[server.url] << now
      sleep(DOWN)
      server.start
      workers_back(server)
    end
  end

  # false: not so long, because it is over.
  def sleep_for(seconds)
    left = @ends_at - now
    sleep(seconds.clamp(0, [left, 0].max))
    left > seconds
  end

  def workers_back(server)
    began = now
    sleep(0.005) until (back = workers_at(server) == WORKERS) || now - began > PATIENCE
    @pauses << (now - began) if @deaths.any?
    violation("workers are not back at #{server.url} within #{PATIENCE} s") unless back
  end

  def workers_at(server)
    Socket.tcp(*server.url.split(":")) do |socket|
      socket.write("status\n")
      lines = []
      lines << socket.gets.chomp.split("\t") until lines.dig(-1, 0) == "."
      lines.find { |name, *| name == "foreground" }.to_a.last.to_i
    end
  end

  # -- the end -------------------------------------------------------------------------------------------------------------

  # What was begun so far, how often, by id.
  def begun = noted.tally

  def verify
    deadline = now + PATIENCE
    sleep(0.05) until (lost = unexplained).empty? || now > deadline
    violation("#{lost.size} acknowledged jobs were lost: #{lost.first(5).map(&:to_a)}") if lost.any?
    verify_deliveries
    late = @pauses.max.to_f
    violation("workers were back after #{late.round(2)} s") if late > @back_within
    verify_client(@client.stats)
  end

  # Acknowledged by a server that was not killed since it was asked, and not begun.
  def unexplained
    begun = self.begun
    @acknowledged.reject { |job| begun.key?(job.id) || @deaths[job.server].any? { |at| at >= job.asked_at } }
  end

  def verify_deliveries
    begun = self.begun
    @deliveries.each do |id, delivery|
      violation("#{id} was not sent, and was begun") if delivery == :not_sent && begun.key?(id)
      violation("#{id} was running, and was not begun") if delivery == :running && !begun.key?(id)
    end
  end

  def report
    begun = self.begun
    again = @acknowledged.count { |job| begun.fetch(job.id, 0) > 1 }
    puts "#{@deaths.values.sum(&:size)} deaths; #{@acknowledged.size} background jobs acknowledged, #{again} of them begun again"
    print_counts
    puts format("workers back after %.2f s, %.2f s at most", *@pauses.minmax) if @pauses.any?
    verdict("#{@seconds} s")
  end
end

exit(Failover.new(Float(ARGV.fetch(0, 60)), Float(ARGV.fetch(1, 2))).run)
