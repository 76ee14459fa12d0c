# frozen_string_literal: true

require "open3"
require_relative "core_build"

# Runs what CoreBuild made. Quiet unless something fails.
module CoreRun
  module_function

  def tests(programs)
    ran = CoreBuild.in_parallel(programs) { |program| run(program)[/\[  PASSED  \] (\d+)/, 1].to_i }
    puts "#{ran.sum} C tests in #{programs.size} programs passed"
  end

  # So many run under the sanitizers, which take three times as long; those beyond without: a million in an hour.
  SANITIZED_SEEDS = 100_000

  def simulation(build, seeds)
    in_shares(build.simulation, [seeds, SANITIZED_SEEDS].min)
    in_shares(CoreBuild.quick.simulation, seeds, SANITIZED_SEEDS + 1) if seeds > SANITIZED_SEEDS
    puts "#{seeds} seeds of the simulation passed"
  end

  def blind_fuzzing(build, seeds)
    fuzzers = build.blind_fuzzers
    fuzzers.each { |fuzzer| in_shares(fuzzer, seeds) }
    puts "#{seeds} scripts by chance passed in #{fuzzers.size} programs"
  end

  def net_fuzzing(build, seeds)
    in_shares(build.net_fuzzer, seeds)
    puts "#{seeds} lives on real sockets passed"
  end

  # One after another. Each keeps what it has found interesting in a corpus; a script that breaks something is left beside
  # that, as `fuzz-crash-…`.
  def fuzzing(build, seconds)
    build.fuzzers.each { |fuzzer| fuzz(fuzzer, seconds / CoreBuild::FUZZERS.size) }
  end

  def fuzz(fuzzer, seconds)
    corpus = "#{fuzzer}.corpus".tap { |dir| FileUtils.mkdir_p(dir) }
    report = run(fuzzer, "-max_total_time=#{seconds}", "-max_len=2048", "-artifact_prefix=#{fuzzer}-",
                 "-print_final_stats=1", corpus)
    puts "#{report[/number_of_executed_units: *(\d+)/, 1]} scripts passed, #{Dir.children(corpus).size} kept in #{corpus}"
  end

  # Of seeds `from` to `seeds`, on all processors.
  def in_shares(program, seeds, from = 1)
    share = ((seeds - from + 1) / Etc.nprocessors.to_f).ceil
    CoreBuild.in_parallel(from.step(seeds, share).to_a) do |first|
      run(program, "--seeds", [share, seeds - first + 1].min.to_s, "--first", first.to_s)
    end
  end

  # What gcc 13 and later look for by themselves: a request that outlives the test which had it on its stack. What was freed
  # is kept from use for 16 MB: with the usual 256, half of the time goes into fresh pages.
  CHECKS = { "ASAN_OPTIONS" => "detect_stack_use_after_return=1:quarantine_size_mb=16" }.freeze

  def run(*command)
    output, status = Open3.capture2e(CHECKS, *command)
    raise CoreBuild::Failure, "#{command.join(" ")}: #{status}\n#{output}" unless status.success?

    output
  end
end
