# frozen_string_literal: true

require "open3"
require_relative "c_source"

# What the layout of the C code promises; each check answers its complaints.
module HouseRules
  # From left to right: a file includes headers of its own folder and of those to the left.
  FLOORS = %w[base protocol session net binding/values binding/drive binding/loop binding/client binding/sessions
              binding/server binding].freeze

  # Neighbours that may not know each other all the same.
  STRANGERS = {
    "binding/sessions" => %w[binding/drive binding/loop binding/client],
    "binding/server" => %w[binding/drive binding/loop binding/client binding/sessions]
  }.freeze

  # Headers that only some floors may read. What is not listed is free.
  ONLY = {
    %r{\Aruby(?:/|\.h\z)} => FLOORS.grep(/binding/),
    /\Aev\.h\z/ => %w[net],
    %r{\Aopenssl/} => %w[net],
    %r{\A(?:sys/socket|sys/un|sys/uio|sys/select|sys/epoll|netinet/.*|arpa/inet|netdb|poll)\.h\z} => %w[net binding/drive],
    %r{\A(?:sys/)?time\.h\z} => %w[net binding/drive]
  }.freeze

  EXPORTS = %w[Init_evgearman].freeze
  LONGEST_FUNCTION = 50
  MEDIAN_FUNCTION = 8
  LONGEST_FILE = 400

  module_function

  def layers
    CSource.all.flat_map do |source|
      source.includes.filter_map do |line, quote, header|
        reason = quote == "<" ? strange(source.floor, header) : climbing(source.floor, header)
        "#{source.path}:#{line}: #{header}: #{reason}" if reason
      end
    end
  end

  def strange(floor, header)
    _, floors = ONLY.find { |pattern, _| pattern.match?(header) }
    "belongs to #{floors.join(" and ")}" if floors && !floors.include?(floor)
  end

  def climbing(floor, header)
    other = File.dirname(header)
    return "name the folder: \"floor/name.h\"" unless FLOORS.include?(other)

    climbs = FLOORS.index(other) > FLOORS.index(floor)
    "#{floor} may not know #{other}" if climbs || STRANGERS.fetch(floor, []).include?(other)
  end

  def symbols(library)
    output, status = Open3.capture2("nm", "-D", "--defined-only", library)
    raise "nm #{library}: #{status}" unless status.success?

    names = output.lines.map { |line| line.split.last[/\A[^@]+/] }
    (names - EXPORTS).map { |name| "#{library} lets #{name} out" } +
      (EXPORTS - names).map { |name| "#{library} does not export #{name}" }
  end

  def lengths
    long_functions + long_files
  end

  def long_functions
    functions = CSource.all.flat_map(&:functions).sort_by { |function| -function.lines }
    return [] if functions.empty?

    median = functions[functions.size / 2].lines
    complaints = functions.select { |function| function.lines > LONGEST_FUNCTION }.map { |function| describe(function) }
    complaints << "median function: #{median} lines, above #{MEDIAN_FUNCTION}" if median > MEDIAN_FUNCTION
    complaints.empty? ? [] : complaints | functions.first(10).map { |function| describe(function) }
  end

  def describe(function) = "#{function.path}:#{function.line}: #{function.name} has #{function.lines} lines"

  def long_files
    CSource.all.select { |source| source.lines > LONGEST_FILE }.map { |source| "#{source.path}: #{source.lines} lines" }
  end
end
