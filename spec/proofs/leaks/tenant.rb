# frozen_string_literal: true

# One process of a run of leaks.rb: does its part of the jobs, and says along the way how much memory it has.
#
#     ruby tenant.rb worker|client|connections URL BYTES JOBS WARM_UP
#
# Prints "JOBS RSS", JOBS since the warm-up, some twenty times; then the objects that are left.

require "evgearman"

class Tenant
  SAMPLES = 25
  WINDOW = 64
  OBJECTS = { "Job" => EVGearman::Job, "Task" => EVGearman::Task, "Timer" => EVGearman::Loop::Timer }.freeze

  def initialize(url, bytes, jobs, warm_up)
    @url = url
    @workload = "x" * bytes
    @jobs = jobs
    @warm_up = warm_up
    @done = 0
    @loop = EVGearman::Loop.new
    $stdout.sync = true
  end

  # On a thread, whose stack is gone when objects are counted.
  def run(role)
    Thread.new { send(role) }.join
    @loop.close
    @loop = nil
    puts "left #{OBJECTS.map { |name, type| "#{name}=#{live(type)}" }.join(" ")}"
  end

  private

  def options = { url: @url, loop: @loop, on_callback_error: ->(error, where) { abort("#{where}: #{error.full_message}") } }

  # Sync and async handlers, with progress, data and a block for the loss of the job.
  def worker
    worker = EVGearman::Worker.new(prefetch: 16, **options)
    worker.register_function("sync") { |job| work(job) }
    worker.register_function("async", async: true) { |job| @loop.after(0) { job.complete(work(job)) } }
    worker.work
    @loop.run
    worker.close
  end

  def work(job)
    job.on_lost { abort "lost" }
    job.status(1, 2) && job.send_data("half") if (@done % 16).zero?
    count
    job.workload
  end

  def client
    client = EVGearman::Client.new(**options)
    @under_way = 0
    (@warm_up + @jobs).times do |n|
      @loop.run_once while @under_way >= WINDOW
      submit(client, n % 8 == 7 ? "async" : "sync")
    end
    @loop.run_once until @under_way.zero?
    client.close
  end

  def submit(client, function)
    @under_way += 1
    client.submit_job(function, @workload, timeout: 60, on_data: ->(_) {}, on_status: ->(*) {}) do |result, error|
      abort "wrong: #{error.inspect}" unless result == @workload
      @under_way -= 1
      count
    end
  end

  def connections
    (@warm_up + @jobs).times do
      client = EVGearman::Client.new(**options)
      client.echo(@workload).value(60)
      client.close
      count
    end
  end

  def count
    @done += 1
    sample if @done >= @warm_up && ((@done - @warm_up) % every).zero?
    @loop.stop if @done == @warm_up + @jobs
  end

  def every = @every ||= [@jobs / SAMPLES, 1].max

  def sample
    GC.start
    trim
    puts "#{@done - @warm_up} #{File.read("/proc/self/statm").split[1].to_i * 4096}"
  end

  # Gives free memory back, so that what is counted is what is used.
  def trim
    @trim ||= begin
      require "fiddle"
      Fiddle::Function.new(Fiddle::Handle::DEFAULT["malloc_trim"], [Fiddle::TYPE_SIZE_T], Fiddle::TYPE_INT)
    rescue LoadError, Fiddle::DLError
      ->(_) {}
    end
    @trim.call(0)
  end

  def live(type)
    GC.start
    ObjectSpace.each_object(type).count
  end
end

role, url, *numbers = ARGV
Tenant.new(url, *numbers.map { |number| Integer(number) }).run(role)
