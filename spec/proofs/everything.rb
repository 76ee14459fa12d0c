# frozen_string_literal: true

# A bit of everything that the gem does, in one small process, while the garbage collector does its worst.
#
#     ruby --disable=gems -Ilib spec/proofs/everything.rb URL stress|move [ROUNDS]
#
# stress: it comes at every allocation, and may move objects whenever it comes. move: between any two steps all objects
# that can move have moved. Prints "ok", or the step that went wrong.

require "evgearman"

class Everything
  NOBODY = "nobody-does-this"
  GROW = { (RUBY_VERSION < "3.2" ? :double_heap : :expand_heap) => true }.freeze

  def initialize(url, collector)
    @url = url
    @collector = collector
    @loop = EVGearman::Loop.new
    @told = []
    @function = "everything-#{Process.pid}"
    @client = EVGearman::Client.new(on_callback_error: ->(error, where) { @told << [where, error.class] }, **options)
    @worker = EVGearman::Worker.new(prefetch: 2, on_callback_error: ->(*) {}, **options)
  end

  def run(rounds)
    register
    move(**GROW) if @collector == "move"
    rounds.times { STEPS.each { |step| under_the_collector(step) } }
    [@client, @worker].each(&:close)
    @loop.close
    puts "ok"
  end

  private

  def options = { url: @url, loop: @loop, on_error: ->(_) {} }
  def wait(task) = task.value(60)
  def turn_until = (@loop.run_once(0.05) until yield)

  def expect(expected, got)
    abort "#{@step}: #{got.inspect}, not #{expected.inspect}" unless expected == got
  end

  def under_the_collector(step)
    @step = step
    move if @collector == "move"
    GC.stress = true if @collector == "stress"
    send(step)
  ensure
    GC.stress = false
  end

  # To and fro between halves of the heap: once doubled, there is room for everything.
  def move(**room) = GC.verify_compaction_references(toward: :empty, **room)

  def register
    @worker.register_function("#{@function}-sync") do |job|
      job.on_lost { abort "lost" }
      job.status(1, 2)
      job.warning("w")
      job.send_data("d")
      job.workload.upcase
    end
    @worker.register_function("#{@function}-async", async: true) { |job| @loop.after(0) { job.complete(job.workload) } }
    @worker.register_function("#{@function}-fails") { |job| raise ArgumentError, job.workload }
    @worker.work
  end

  # -- steps ----------------------------------------------------------------------------------------------------------

  def echoes
    seen = []
    tasks = Array.new(4) { |n| @client.echo(n.to_s) { |value| seen << value } }
    expect(%w[0 1 2 3], tasks.map { |task| wait(task) })
    expect(%w[0 1 2 3], seen)
  end

  def sync_job
    seen = []
    note = ->(*args) { seen.concat(args) }
    result = @client.call("#{@function}-sync", "x", timeout: 60, unique: :auto, on_status: note, on_warning: note, on_data: note)
    expect("X", result)
    expect(%w[1 2 w d], seen)
  end

  def async_jobs
    expect(%w[a b c], @client.map("#{@function}-async", %w[a b c], concurrency: 2, timeout: 60))
  end

  def failing_job
    failed = nil
    task = @client.submit_job("#{@function}-fails", "why", timeout: 60).on_fail { |error| failed = error }
    task.wait(60)
    expect([EVGearman::JobExceptionError, "why"], [failed.class, failed.data])
  end

  def background_jobs
    tasks = Array.new(2) { |n| @client.submit_job_bg("#{@function}-sync", n.to_s) }
    expect(2, EVGearman::Task.all(tasks, 60).uniq.size)
    expect(true, wait(@client.get_status(@client.enqueue(NOBODY, "x", unique: @function, in: 3600))).known?)
  end

  def admin
    expect(true, wait(@client.server_status).any? { |row| row.name == "#{@function}-sync" })
    expect(true, @client.server_workers.on_complete { |workers| @workers = workers }.value(60).size.positive?)
    expect(true, wait(@client.server_version).match?(/\A\d+\.\d+/))
  end

  def timers_and_posts
    seen = []
    @loop.after(0) { seen << :after }
    @loop.post { seen << :post }
    every = @loop.every(0.001) { seen << :every }
    @loop.after(0) { seen << :never }.cancel
    turn_until { seen.size >= 4 }
    every.cancel
    expect(%i[after every post], seen.uniq.sort)
  end

  def nested
    expect("outer", wait(@client.echo("outer") { @inner = wait(@client.echo("inner")) }))
    expect("inner", @inner)
  end

  def raising
    @told.clear
    wait(@client.echo("x") { raise IOError, "out" })
    expect([["block", IOError]], @told)
    expect(:thrown, catch(:out) { wait(@client.echo("x") { throw(:out, :thrown) }) })
  end

  def threads
    answers = Array.new(3) { |n| Thread.new { wait(@client.echo(n.to_s)) } }.map(&:value)
    expect(%w[0 1 2], answers)
  end

  def disconnects
    errors = []
    @client.loop.post do # where no glance at the sockets comes between, however long it takes
      3.times { @client.echo("lost") { |_, error| errors << error.class } }
      @client.disconnect
    end
    turn_until { errors.size == 3 }
    expect([EVGearman::DisconnectedError], errors.uniq)
  end

  def dropped
    answered = 0
    Thread.new { 2.times { EVGearman::Client.new(**options).echo("x") { answered += 1 } } }.join
    turn_until { answered == 2 }
    2.times { EVGearman::Client.new(**options).echo("abandoned").abandon }
  end

  def patience
    task = @client.submit_job(NOBODY, "x", timeout: 0.001)
    expect(EVGearman::JobTimeoutError, task.wait(60).error.class)
    expect(nil, @client.submit_job(NOBODY, "x", timeout: 60).tap(&:abandon).result)
  end

  def parser
    packet = EVGearman::Protocol.encode(:echo_res, "x", magic: :res)
    expect([[:echo_res, "x"]] * 3, EVGearman::Protocol::Parser.new.feed(packet * 3))
  end

  STEPS = %i[echoes sync_job async_jobs failing_job background_jobs admin timers_and_posts nested raising threads
             disconnects dropped patience parser].freeze
end

url, collector, rounds = ARGV
GC.auto_compact = true
Everything.new(url, collector).run(Integer(rounds || 1))
