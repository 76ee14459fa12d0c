# frozen_string_literal: true

require "open3"
require_relative "core_build"

# Runs what CoreBuild made. Quiet unless something fails.
module CoreRun
  module_function

  def tests(build, matching = "")
    programs = build.tests.select { |program| File.basename(program).include?(matching.to_s) }
    ran = CoreBuild.in_parallel(programs) { |program| run(program)[/\[  PASSED  \] (\d+)/, 1].to_i }
    puts "#{ran.sum} C tests in #{programs.size} programs passed"
  end

  def simulation(build, seeds)
    program = build.simulation
    share = (seeds / Etc.nprocessors.to_f).ceil
    CoreBuild.in_parallel(1.step(seeds, share).to_a) do |first|
      run(program, "--seeds", [share, seeds - first + 1].min.to_s, "--first", first.to_s)
    end
    puts "#{seeds} seeds of the simulation passed"
  end

  def run(*command)
    output, status = Open3.capture2e(*command)
    raise CoreBuild::Failure, "#{command.join(" ")}: #{status}\n#{output}" unless status.success?

    output
  end
end
