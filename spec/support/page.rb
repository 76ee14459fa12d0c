# frozen_string_literal: true

require "fileutils"
require "tmpdir"

# The Ruby code of a page of Markdown: what stands in it between ```ruby and ```, and, unseen by its readers, in comments
# between <!-- ruby and -->. All of it is one program, in its order; words behind `ruby` make it a part of the programs of
# those names instead. A line `expression # => answer` has to answer that, and to be reached; `…` in an answer stands for
# anything, and what follows a semicolon is for the reader. Cells of a table may be code, too.
class Page
  ROOT = File.expand_path("../..", __dir__)
  BLOCK = /^```ruby(?<names>[ \w]*)\n(?<code>.*?)^```$|^<!-- ruby(?<names>[ \w]*)\n(?<code>.*?)^-->$/m.freeze
  ANSWER = /\s+# => (?<wanted>.*?)(?:; .*)?\z/.freeze
  MAIN = "main"

  # What a program needs to be checked.
  CHECKS = File.join(__dir__, "page/answers.rb")

  attr_reader :name

  # @param name [String] such as "docs/client.md"
  def initialize(name)
    @name = name
    @text = File.read(File.join(ROOT, name))
  end

  # The names of its programs.
  def programs = blocks.flat_map(&:first).uniq

  # How many answers one of them gives.
  def answers(program = MAIN) = lines(program).grep(ANSWER).size

  # The rows of the table with that head: code, without its quotes.
  def table(*head)
    text = @text[/^\| #{head.join(" \\| ")} \|\n\|[-|]+\n(.*?)\n\n/m, 1]
    text.lines.map { |row| row.scan(/(?<!\\)\| `(.*?)` (?=\|)/).flatten.map { |code| code.gsub("\\|", "|") } }
  end

  # A file, for the block: one of its programs, whose lines have the numbers of the page's, and more lines behind them.
  def file(program = MAIN, basename = "#{program}.rb", more: [])
    Dir.mktmpdir("page") do |dir|
      path = File.join(dir, basename)
      checked = lines(program).map.with_index(1) { |line, number| check(line, number) }
      File.write(path, [*checked, *more, "Answers.tell"].join("\n"))
      yield path
    end
  end

  private

  def lines(program)
    lines = Array.new(@text.count("\n"), "")
    blocks.each { |names, first, code| lines[first, code.size] = code if names.include?(program) }
    lines
  end

  # [names of programs, where its lines begin, lines]
  def blocks
    @blocks ||= @text.to_enum(:scan, BLOCK).map do
      match = Regexp.last_match
      names = match[:names].split
      [names.empty? ? [MAIN] : names, match.pre_match.count("\n") + 1, match[:code].lines(chomp: true)]
    end
  end

  def check(line, number)
    answer = line[ANSWER, :wanted]
    answer ? "Answers.check((#{line.sub(ANSWER, "")}), #{number}, %q\0#{answer}\0)" : line
  end
end
