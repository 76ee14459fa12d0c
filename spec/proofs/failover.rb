# frozen_string_literal: true

# A client with eight threads and two workers at three gearmands, of which one after the other is killed and comes back.
#
#     rake failover[60]        or: ruby -Ilib spec/proofs/failover.rb SECONDS [BACK_WITHIN]
#
# What was asked, acknowledged, begun and answered is noted, and compared at the end: a foreground job has its own answer,
# or an error whose `delivery` is true; asked again where that is `retriable?`, it succeeds; a background job is lost only with
# the server that had it; and workers are back at a server so many seconds after it is.

require "rbconfig"
require "evgearman"
require_relative "../chaos/server"

class Failover
  SERVERS = 3
  WORKERS = 2
  PATIENCE = 60
  EVERY = 2 # seconds, the next one is killed
  DOWN = 0.5

  Acknowledged = Struct.new(:id, :server, :asked_at)

  def initialize(seconds, back_within)
    @seconds = seconds
    @back_within = back_within
    @dir = Dir.mktmpdir("failover")
    @servers = Array.new(SERVERS) { ChaosServer.new }
    @client = EVGearman::Client.new(servers: @servers.map(&:url), loop: EVGearman::Loop.new, on_error: ->(_) {})
    @deaths = Hash.new { |deaths, url| deaths[url] = [] }
    @acknowledged = []
    @deliveries = {} # of attempts that failed, by id
    @pauses = []
    @counts = Hash.new(0)
    @violations = []
    @ids = 0
  end

  def run
    @workers = Array.new(WORKERS) { |n| spawn_worker(n) }
    @servers.each { |server| workers_back(server) }
    @ends_at = now + @seconds
    threads = ACTORS.map { |actor| Thread.new { send(actor) while now < @ends_at } }
    kill_in_turn
    threads.each { |thread| thread.join(PATIENCE) or violation("a thread hangs:\n    #{thread.backtrace.join("\n    ")}") }
    verify
    report
  ensure
    clean_up
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def violation(text) = @violations << text
  def new_id = "job #{@ids += 1} of #{Process.pid}"

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

  def spawn_worker(number)
    load_path = "-I#{$LOAD_PATH.join(File::PATH_SEPARATOR)}"
    Process.spawn(RbConfig.ruby, load_path, File.expand_path("failover/worker.rb", __dir__), @servers.map(&:url).join(","),
                  history(number))
  end

  def history(number) = File.join(@dir, "begun by #{number}")

  # -- the end -------------------------------------------------------------------------------------------------------------

  # What was begun so far, how often, by id.
  def begun = WORKERS.times.flat_map { |n| File.exist?(history(n)) ? File.readlines(history(n), chomp: true) : [] }.tally

  def verify
    deadline = now + PATIENCE
    sleep(0.05) until (lost = unexplained).empty? || now > deadline
    violation("#{lost.size} acknowledged jobs were lost: #{lost.first(5).map(&:to_a)}") if lost.any?
    verify_deliveries
    late = @pauses.max.to_f
    violation("workers were back after #{late.round(2)} s") if late > @back_within
    stats = @client.stats
    violation("requests do not add up: #{stats}") unless stats[:submitted] == stats[:resolved] && stats[:pending].zero?
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
    puts(@counts.sort_by { |name, _| name.to_s }.map { |name, count| "#{name} #{count}" }.join(", "))
    puts format("workers back after %.2f s, %.2f s at most", *@pauses.minmax) if @pauses.any?
    puts("failover: #{@seconds} s: #{@violations.empty? ? "ok" : "VIOLATED"}")
    @violations.uniq.first(20).each { |text| puts("  #{text}") }
    @violations.empty?
  end

  def clean_up
    @workers&.each { |pid| Process.kill("KILL", pid) && Process.wait(pid) }
    @servers.each(&:stop)
    FileUtils.rm_rf(@dir)
  end
end

exit(Failover.new(Float(ARGV.fetch(0, 60)), Float(ARGV.fetch(1, 2))).run)
