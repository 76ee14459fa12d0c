# frozen_string_literal: true

require "etc"
require "fileutils"
require "open3"

# Compiles the floors below the binding with plain C programs: base, protocol and session without Ruby and libev, net with
# libev linked. Incremental, by what the compiler itself says it has read.
class CoreBuild
  class Failure < StandardError; end

  FLOORS = %w[base protocol session].freeze
  ON_SOCKETS = [*FLOORS, "net"].freeze
  FUZZERS = %w[fuzz queuefuzz serverfuzz].freeze
  COMMON = %w[-std=gnu11 -g -D_GNU_SOURCE -DEVG_DEBUG -DEVG_OPENSSL -DEVG_LIBEV_LINKED -pthread -Iext/evgearman -Ispec/core
              -Wall -Wextra -Wconversion -Werror].freeze
  SANITIZE = %w[-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer].freeze
  # What net needs. The loader's DEEPBIND and ASAN do not mix: libev is linked.
  LIBRARIES = %w[-lm -lev -lssl -lcrypto].freeze

  attr_reader :dir

  def self.sanitized = new("sanitized", SANITIZE)
  # Finds what is wrong, not where.
  def self.quick = new("quick", %w[-O2])
  def self.covered = new("covered", %w[-O0 --coverage])
  def self.threaded = new("threaded", %w[-O1 -fsanitize=thread -fno-omit-frame-pointer])

  # Guided by what a script has reached, which gcc cannot.
  def self.guided = new("guided", [*SANITIZE, "-fsanitize=fuzzer"], compiler: "clang")

  def self.in_parallel(items)
    queue = items.each_with_index.to_a
    results = Array.new(items.size)
    workers = Array.new(Etc.nprocessors) do
      Thread.new do
        Thread.current.report_on_exception = false
        while (item, index = queue.shift)
          results[index] = yield item
        end
      end
    end
    workers.each(&:join)
    results
  end

  def initialize(name, flags, compiler: ENV.fetch("CC", "gcc"))
    @dir = "tmp/core/#{name}"
    @compiler = compiler
    @flags = COMMON + flags
    forget_other_flags
  end

  # The C tests of base, protocol and session whose names match.
  def tests(matching = //) = tests_in("spec/core", matching, FLOORS, %w[-lm -lcmocka])

  # Those of net.
  def net_tests(matching = //) = tests_in("spec/core/net", matching, ON_SOCKETS, [*LIBRARIES, "-lcmocka"])

  # Each takes scripts of bytes; blind ones make them up.
  def fuzzers(more = [])
    kits = %w[script queue_audit].map { |kit| "spec/core/support/#{kit}.c" }
    programs(FUZZERS.to_h { |name| [name, [*Dir["spec/core/#{name}/*.c"].sort, *kits, *more]] })
  end

  def blind_fuzzers = fuzzers(["spec/core/support/blind.c"])

  def net_fuzzer
    sources = [*Dir["spec/core/netfuzz/*.c"].sort, "spec/core/support/tls_kit.c"]
    programs({ "netfuzz" => sources }, ON_SOCKETS, LIBRARIES).first
  end

  def simulation = programs({ "sim" => Dir["spec/core/sim/*.c"].sort }).first

  private

  # Builds one program for each list of sources, and answers their paths.
  def programs(mains, floors = FLOORS, libraries = ["-lm"])
    sources = floors.flat_map { |floor| Dir["ext/evgearman/#{floor}/*.c"].sort }
    compile(sources | mains.values.flatten)
    self.class.in_parallel(mains.to_a) { |name, own| link(name, objects(sources | own), libraries) }
  end

  def tests_in(folder, matching, floors, libraries)
    mains = Dir["#{folder}/*_test.c"].sort.to_h { |main| [File.basename(main, ".c"), [main, *kits(main)]] }
    programs(mains.select { |name, _| name.match?(matching) }, floors, libraries)
  end

  # The helpers whose headers it includes.
  def kits(main)
    code = File.read(main)
    Dir["spec/core/support/*.c"].sort.select { |kit| code.include?(%("support/#{File.basename(kit, ".c")}.h")) }
  end

  def objects(sources) = sources.map { |source| object(source) }
  def object(source) = File.join(@dir, source.sub(/\.c\z/, ".o"))

  def compile(sources)
    stale = sources.reject { |source| fresh?(object(source)) }
    self.class.in_parallel(stale) do |source|
      FileUtils.mkdir_p(File.dirname(object(source)))
      run(@compiler, *@flags, "-MD", "-c", source, "-o", object(source))
      refuse_strangers(source)
    end
  end

  def link(name, objects, libraries)
    program = File.join(@dir, name)
    run(@compiler, *@flags, *objects, "-o", program, *libraries) unless FileUtils.uptodate?(program, objects)
    program
  end

  def fresh?(object)
    File.exist?(object) && FileUtils.uptodate?(object, read_by(object)) && read_by(object).all? { |path| File.exist?(path) }
  end

  def read_by(object)
    depfile = object.sub(/\.o\z/, ".d")
    File.exist?(depfile) ? File.read(depfile).gsub("\\\n", " ").split.drop(1) : [depfile]
  end

  # Ruby stands above all of this, libev above all but net.
  def refuse_strangers(source)
    strangers = source.match?(%r{/net(fuzz)?/}) ? %w[ruby.h] : %w[ruby.h ev.h]
    stranger = read_by(object(source)).find { |path| strangers.include?(File.basename(path)) } or return
    File.delete(object(source))
    raise Failure, "#{source} reads #{stranger}: the core does not know that"
  end

  def forget_other_flags
    stamp = File.join(@dir, "flags")
    flags = [@compiler, *@flags].join(" ")
    return if File.exist?(stamp) && File.read(stamp) == flags

    FileUtils.rm_rf(@dir)
    FileUtils.mkdir_p(@dir)
    File.write(stamp, flags)
  end

  def run(*command)
    output, status = Open3.capture2e(*command)
    raise Failure, "#{command.join(" ")}\n#{output}" unless status.success?

    warn output unless output.empty?
  end
end
