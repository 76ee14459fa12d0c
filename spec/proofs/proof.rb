# frozen_string_literal: true

require "rbconfig"
require "evgearman"
require_relative "../chaos/server"

# Something is done for a while to servers and workers, what is heard and done meanwhile is noted, and compared at the end.
#
# A subclass says how: `prove`, `verify`, and `report`, which prints and ends with the `verdict`.
class Proof
  PATIENCE = 60

  # @param servers [Array<ChaosServer>]
  def initialize(servers)
    @name = self.class.name.downcase
    @servers = servers
    @dir = Dir.mktmpdir(@name)
    @processes = []
    @counts = Hash.new(0)
    @violations = []
    @ids = 0
  end

  # Answers whether nothing was violated.
  def run
    prove
    verify
    report
  ensure
    clean_up
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def violation(text) = @violations << text
  def new_id = "job #{@ids += 1} of #{Process.pid}"

  def join(threads)
    threads.each { |thread| thread.join(PATIENCE) or violation("a thread hangs:\n    #{thread.backtrace.join("\n    ")}") }
  end

  def verify_client(stats)
    violation("requests do not add up: #{stats}") unless stats[:submitted] == stats[:resolved] && stats[:pending].zero?
  end

  # -- processes -----------------------------------------------------------------------------------------------------------

  # Answers the pid of a Ruby that finds the build which is under test.
  def spawn_ruby(*arguments, env: {}, **options)
    Process.spawn(env, RbConfig.ruby, "-I#{$LOAD_PATH.join(File::PATH_SEPARATOR)}", *arguments, **options)
  end

  # The proof's own, which notes what it does.
  def spawn_worker(number)
    spawn_ruby(File.expand_path("#{@name}/worker.rb", __dir__), @servers.map(&:url).join(","), notes(number))
  end

  def notes(number) = File.join(@dir, "notes of #{number}")

  # What all workers have noted so far.
  def noted = Dir[notes("*")].flat_map { |path| File.readlines(path, chomp: true) }

  # -- the end -------------------------------------------------------------------------------------------------------------

  def print_counts = puts(@counts.sort_by { |name, _| name.to_s }.map { |name, count| "#{name} #{count}" }.join(", "))

  def verdict(conditions)
    puts("#{@name}: #{conditions}: #{@violations.empty? ? "ok" : "VIOLATED"}")
    @violations.uniq.first(20).each { |text| puts("  #{text}") }
    @violations.empty?
  end

  def clean_up(signal = "KILL")
    @processes.each { |pid| end_process(pid, signal) }
    @servers.each(&:stop)
    FileUtils.rm_rf(@dir)
  end

  def end_process(pid, signal)
    Process.kill(signal, pid)
    Process.wait(pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil # it has ended before
  end
end
