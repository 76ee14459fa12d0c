# frozen_string_literal: true

require_relative "suite"

module Bench
  # The gem gearman-ruby, of the bundle.
  class GearmanRuby < Contestant
    SCRIPT = File.expand_path("../peers/gearman_ruby.rb", __dir__)

    private

    # Without bundler, which would make each process large.
    def env = { "RUBYOPT" => nil, "RUBYLIB" => nil, "BUNDLE_GEMFILE" => nil }
    def lib = File.join(Gem::Specification.find_by_name("gearman-ruby").full_gem_path, "lib")
    def command(*args) = [RbConfig.ruby, "-W0", "-I#{lib}", SCRIPT, *args.map(&:to_s)]
  end

  # The C library of gearmand.
  class Libgearman < Program
    def initialize = super(File.expand_path("../peers/libgearman.c", __dir__), "-lgearman")
  end

  # The same by evgearman and by others, by turns.
  class Peers
    NAMES = %i[foreground background call worker].freeze
    TRIAL = 20 # some are slow

    def initialize(suite, rounds:, only: [])
      @suite = suite
      @rounds = rounds
      @operations = OPERATIONS.select { |it| NAMES.include?(it.name) }.uniq(&:name)
      @operations.select! { |it| only.any? { |name| it.name.start_with?(name) } } if only.any?
      @contestants = { "evgearman" => Evgearman.new, "gearman-ruby" => GearmanRuby.new, "libgearman" => Libgearman.new }
    end

    # Of each operation and contestant: how many a second, and CPU µs of one.
    def run
      @operations.map do |operation|
        yield operation.title
        [operation.title, *medians(operation)]
      end
    end

    def head = ["per second", *@contestants.keys.flat_map { |name| [name, "CPU µs/op"] }]

    private

    def medians(operation)
      ops = @contestants.values.to_h { |it| [it, @suite.ops_for(it, operation, trial: TRIAL)] }
      rounds = Array.new(@rounds) { ops.map { |it, count| @suite.sample(it, operation, operation.name, count) } }
      rounds.transpose.flat_map { |samples| [median(samples.map(&:rate)), median(samples.map(&:cpu_per_op))] }
    end

    def median(numbers) = numbers.sort[numbers.size / 2]
  end
end
