# frozen_string_literal: true

# Does memory grow with the jobs of a worker, the requests of a client, or connections made and closed?
#
#     rake leaks[1000000]        or: ruby -Ilib spec/proofs/leaks.rb JOBS [BOUND]
#
# Each runs in a process of its own against one gearmand, with workloads of 10 bytes and of 10 kB. The slope of its
# resident memory, by least squares over some 25 samples after a warm-up, must not be above BOUND bytes for each job.
# No Job, Task or Timer may be left at the end.

require "rbconfig"
require_relative "../chaos/server"

class Leaks
  TENANT = File.expand_path("leaks/tenant.rb", __dir__)
  NO_LEAK = "left Job=0 Task=0 Timer=0"
  COLUMNS = "%-12<role>s %7<bytes>d B %9<jobs>d  %7.1<first>f → %6.1<last>f MB  %8.3<slope>f B each  %<objects>s"

  def initialize(jobs, bound)
    @jobs = jobs
    @bound = bound
    @warm_up = [jobs / 5, 15_000].max
  end

  def run
    puts "at most #{@bound} B each; #{@warm_up} to warm up"
    verdicts = [10, 10_000].flat_map { |bytes| against_a_server { |url| together(url, bytes) } }
    verdicts.push(*against_a_server { |url| [judge("connections", 10, @jobs / 20, tenant("connections", url, 10, @jobs / 20, 1000))] })
    verdicts.all?
  end

  private

  def against_a_server
    server = ChaosServer.new
    yield server.url
  ensure
    server&.stop
  end

  def together(url, bytes)
    tenants = %w[worker client].map { |role| [role, tenant(role, url, bytes, @jobs, @warm_up)] }
    tenants.map { |role, output| judge(role, bytes, @jobs, output) }
  end

  # One arena: several hold on to memory for reasons of their own.
  def tenant(role, url, bytes, jobs, warm_up)
    command = [RbConfig.ruby, "-I#{$LOAD_PATH.join(File::PATH_SEPARATOR)}", TENANT, role, url, bytes, jobs, warm_up]
    IO.popen([{ "MALLOC_ARENA_MAX" => "1" }, *command.map(&:to_s)])
  end

  def judge(role, bytes, jobs, output)
    *samples, left = output.readlines(chomp: true)
    output.close
    samples.map! { |line| line.split.map { |number| Float(number) } }
    slope = slope_of(samples)
    puts format(COLUMNS, role: role, bytes: bytes, jobs: jobs, first: samples[0][1] / 1e6, last: samples[-1][1] / 1e6,
                         slope: slope, objects: left)
    $?.success? && left == NO_LEAK && slope <= @bound
  end

  # Least squares.
  def slope_of(samples)
    x_mean, y_mean = samples.transpose.map { |numbers| numbers.sum / numbers.size }
    samples.sum { |x, y| (x - x_mean) * (y - y_mean) } / samples.sum { |x, _| (x - x_mean)**2 }
  end
end

jobs = Integer(ARGV.fetch(0, 1_000_000))
exit(Leaks.new(jobs, Float(ARGV.fetch(1, 1))).run)
