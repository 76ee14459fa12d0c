# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tempfile"

module Bench
  # What one run said of itself.
  Sample = Struct.new(:ops, :seconds, :cpu) do
    def rate = ops / seconds
    def cpu_per_op = cpu / ops * 1e6
  end

  # Something that is started as a process, does so many operations, and prints a Sample.
  class Contestant
    STRACE = system("strace", "-V", %i[out err] => File::NULL)
    VALGRIND = system("valgrind", "--version", %i[out err] => File::NULL)

    def sample(server, *args)
      output, status = Open3.capture2(env, *command(server, *args))
      raise "#{command(server, *args).join(" ")}: #{status}" unless status.success?

      Sample.new(*output.split.map(&:to_f))
    end

    # It runs as long as the block does.
    def beside(server, *args)
      pid = spawn(env, *command(server, *args), out: File::NULL)
      yield
    ensure
      Process.kill("TERM", pid)
      Process.wait(pid)
    end

    # System calls of the whole process; nil where they cannot be traced.
    def calls(server, *args)
      return unless STRACE

      under(%w[strace -c -f -o], [server, *args]) { |said| said[/^100\.00\s.*\btotal$/].split[3].to_i }
    end

    # Instructions of the whole process; nil when it failed. Without the GC: whether that comes once more or less is chance,
    # and millions of them.
    def instructions(server, *args)
      how = %w[valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file=]
      under(how, [server, *args], "BENCH_GC" => "off") { |said| said[/Collected : (\d+)/, 1]&.to_i }
    end

    private

    # What a tool wrote about it into the file whose name ends the tool's own arguments; nil when it failed.
    def under(tool, args, variables = {})
      Tempfile.create("bench") do |file|
        traced = [*tool[0..-2], tool.last + file.path, *command(*args)]
        system(env.merge(variables), *traced, %i[out err] => File::NULL) && yield(file.read)
      end
    end

    def env = {}
  end

  # One in C, compiled when it is older than its source.
  class Program < Contestant
    HOME = File.expand_path("../../tmp/bench", __dir__)

    def initialize(source, *libraries)
      super()
      @program = File.join(HOME, File.basename(source, ".c"))
      compile(source, libraries) unless File.exist?(@program) && File.mtime(@program) > File.mtime(source)
    end

    private

    def command(*args) = [@program, *args.map(&:to_s)]

    def compile(source, libraries)
      FileUtils.mkdir_p(HOME)
      compiler = RbConfig::CONFIG["CC"].split
      system(*compiler, "-O2", "-Wall", "-Wextra", "-o", @program, source, *libraries, exception: true)
    end
  end

  # The raw C.
  class Floor < Program
    def initialize = super(File.expand_path("../floor.c", __dir__))

    # A worker beside what is measured, as long as the block runs.
    def serving(server, grabs, &block) = beside(server, "worker", 2**62, grabs, &block)
  end

  # Ourselves, of today or of another time.
  class Evgearman < Contestant
    SCRIPT = File.expand_path("../subject.rb", __dir__)
    LIB = File.expand_path("../../lib", __dir__)

    def initialize(lib = LIB)
      super()
      @lib = lib
    end

    private

    # Behind what is set: another build of the extension comes first.
    def env = { "RUBYLIB" => [ENV.fetch("RUBYLIB", nil), @lib].compact.join(File::PATH_SEPARATOR) }

    def command(*args) = [RbConfig.ruby, "--disable=gems", SCRIPT, *args.map(&:to_s)]
  end
end
