# frozen_string_literal: true

require "json"
require_relative "core_build"
require_relative "core_run"

# Lines of base, protocol and session that the C tests and some seeds of the simulation run, by gcov.
class CoreCoverage
  FLOOR = 95.0
  SEEDS = 50
  OURS = %r{\Aext/evgearman/(#{CoreBuild::FLOORS.join("|")})/}

  def initialize
    @build = CoreBuild.covered
    @files = Hash.new { |files, path| files[path] = Hash.new(0) }
  end

  def measure
    Dir["#{@build.dir}/**/*.gcda"].each { |path| File.delete(path) }
    CoreRun.tests(@build.tests)
    CoreRun.simulation(@build, SEEDS) if Dir["spec/core/sim/*.c"].any?
    Dir["#{@build.dir}/**/*.gcno"].sort.each { |notes| read(notes) }
    report
  end

  private

  def read(notes)
    CoreRun.run("gcov", "--json-format", "--stdout", notes).each_line do |line|
      next unless line.start_with?("{")

      JSON.parse(line)["files"].each { |file| add(file) if OURS.match?(file["file"]) }
    end
  end

  # A header's line counts as run if any file that includes it ran it.
  def add(file)
    file["lines"].each { |line| @files[file["file"]][line["line_number"]] += line["count"] }
  end

  def report
    @files.sort.each { |path, lines| row(path.delete_prefix("ext/evgearman/"), lines.values, missed(lines)) }
    floors = CoreBuild::FLOORS.to_h { |floor| [floor, lines_of(floor)] }
    floors.each { |floor, counts| row("#{floor} in all", counts) }
    poor = floors.select { |_, counts| percent(counts) < FLOOR }.keys
    raise CoreBuild::Failure, "below #{FLOOR} % of lines: #{poor.join(", ")}" if poor.any?
  end

  def lines_of(floor)
    @files.select { |path, _| path[OURS, 1] == floor }.values.flat_map(&:values)
  end

  def row(name, counts, missed = "")
    puts format("%-32<name>s %6<lines>d lines %7.2<percent>f %%  %<missed>s",
                name: name, lines: counts.size, percent: percent(counts), missed: missed).rstrip
  end

  def percent(counts)
    counts.empty? ? 100.0 : 100.0 * counts.count(&:positive?) / counts.size
  end

  def missed(lines)
    numbers = lines.select { |_, count| count.zero? }.keys.sort
    numbers.slice_when { |a, b| b > a + 1 }.map { |run| [run.first, run.last].uniq.join("-") }.first(12).join(" ")
  end
end
