# frozen_string_literal: true

require "fileutils"

# Ruby itself is noisy under valgrind: only what happens in, or was allocated by, our own code counts.
class Valgrind
  OPTIONS = %w[--num-callers=50 --error-limit=no --undef-value-errors=no --leak-check=full --show-leak-kinds=definite].freeze
  OURS = %r{<obj>[^<]*/evgearman\.so</obj>}
  INVALID = /<kind>(?:Invalid\w+|MismatchedFree|Overlap)</
  LEAK = /<kind>Leak_DefinitelyLost</
  # Tags mark what is slow, needs a server or a process of its own.
  TAGGED = %w[gearmand slow fork stress chaos].flat_map { |tag| ["--tag", "~#{tag}"] }.freeze

  def initialize(env)
    @env = env
    @report = File.expand_path("../../tmp/valgrind/report.xml", __dir__)
  end

  def run
    FileUtils.mkdir_p(File.dirname(@report))
    passed = system(@env, "valgrind", *OPTIONS, "--xml=yes", "--xml-file=#{@report}",
                    RbConfig.ruby, "-rbundler/setup", Gem.bin_path("rspec-core", "rspec"), *TAGGED)
    abort "the specs failed under valgrind" unless passed
    complaints = File.read(@report).scan(%r{<error>.*?</error>}m).select { |error| ours?(error) }
    abort complaints.map { |error| summary(error) }.join("\n\n") if complaints.any?
    puts "valgrind: nothing of ours"
  end

  private

  def ours?(error)
    stack = error[%r{<stack>.*?</stack>}m].to_s
    return OURS.match?(stack) if INVALID.match?(error)

    LEAK.match?(error) && OURS.match?(allocator(stack).to_s)
  end

  # The first frame outside valgrind's own malloc.
  def allocator(stack)
    stack.scan(%r{<frame>.*?</frame>}m).find { |frame| !frame.include?("vgpreload") }
  end

  def summary(error)
    frames = error.scan(%r{<fn>(.*?)</fn>}).flatten.first(12)
    [error[%r{<(?:what|text)>(.*?)</}, 1], *frames.map { |name| "    #{name}" }].join("\n")
  end
end
