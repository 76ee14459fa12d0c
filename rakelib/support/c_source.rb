# frozen_string_literal: true

# Just enough C to find includes and functions: comments, literals and directives are blanked, braces are counted.
class CSource
  Function = Struct.new(:path, :name, :line, :lines)

  # In this order of precedence, each kept as long as it was in lines.
  NOISE = %r{
    /\*.*?\*/ | //(?:\\\n|[^\n])*            # comments
    | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'  # literals
    | ^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*     # directives, with their continuations
  }mx

  attr_reader :path

  def self.all = Dir["ext/evgearman/**/*.{c,h}"].sort.map { |path| new(path) }

  def initialize(path)
    @path = path
    @text = File.read(path, encoding: "UTF-8")
  end

  def floor = File.dirname(path).delete_prefix("ext/evgearman/")
  def lines = @text.count("\n")

  # [line, "<" or "\"", header] of each include.
  def includes
    @text.each_line.with_index(1).filter_map do |line, number|
      [number, $1, $2] if line =~ /\A\s*#\s*include\s*([<"])([^>"]+)[>"]/
    end
  end

  def functions
    depth = 0
    head = start = nil
    tokens.each_with_object([]) do |(token, line), found|
      case token
      when "{"
        start, head = head, nil if depth.zero?
        depth += 1
      when "}"
        depth -= 1
        found << function(start, line) if depth.zero? && function?(start)
        head = nil if depth.zero?
      when ";"
        head = nil if depth.zero?
      else
        head = head ? [head[0] + token, head[1]] : [token, line] if depth.zero?
      end
    end
  end

  private

  # Braces, semicolons and what lies between, each with the line it begins on.
  def tokens
    line = 1
    blanked.scan(/[{};]|[^{};]+/).filter_map do |text|
      at = line + text[/\A\s*/].count("\n")
      line += text.count("\n")
      [text.strip, at] unless text.strip.empty?
    end
  end

  def blanked
    @text.gsub(NOISE) { |noise| noise.start_with?('"', "'") ? "0" : " " + "\n" * noise.count("\n") }
  end

  # `name(…) {`, and neither an initialiser nor a struct.
  def function?(head) = !head.nil? && head[0].match?(/\A[^=]*\w\s*\([^=]*\)[^=]*\z/m)

  def function(head, last_line)
    Function.new(path, head[0][/(\w+)\s*\(/, 1], head[1], last_line - head[1] + 1)
  end
end
