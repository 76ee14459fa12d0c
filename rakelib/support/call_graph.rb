# frozen_string_literal: true

require "open3"
require "tsort"

# Which file calls which, as the linker sees it: from the object files of a build. A call by a table of functions is none of
# the caller's.
class CallGraph
  include TSort

  def initialize(objects)
    @names = objects.to_h { |path| [File.basename(path, ".o"), symbols(path)] }
    @homes = @names.flat_map { |file, (defined, _)| defined.map { |symbol| [symbol, file] } }.to_h
  end

  # Files that call each other, each circle with its calls.
  def circles = strongly_connected_components.select { |files| files.size > 1 }.map { |files| describe(files.sort) }

  private

  def tsort_each_node(&) = @names.each_key(&)
  def tsort_each_child(file, &) = calls_of(file).map(&:first).uniq.each(&)

  # [file, symbol] of what it needs of others.
  def calls_of(file)
    @names[file].last.filter_map { |symbol| [@homes[symbol], symbol] if @homes[symbol] && @homes[symbol] != file }
  end

  def describe(files)
    calls = files.flat_map do |file|
      calls_of(file).select { |other, _| files.include?(other) }.map { |other, symbol| "#{file} calls #{other}: #{symbol}" }
    end
    "#{files.join(", ")} go in a circle:\n    #{calls.join("\n    ")}"
  end

  # What it defines for others, and what it takes from them.
  def symbols(path)
    lines, status = Open3.capture2("nm", "-g", path)
    raise "nm #{path}: #{status}" unless status.success?

    defined, taken = lines.lines.map(&:split).partition { |fields| fields.size == 3 }
    [defined.map(&:last), taken.map(&:last)]
  end
end
