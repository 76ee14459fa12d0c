# frozen_string_literal: true

require_relative "support/core_coverage"

namespace :spec do
  desc "Run the C tests of base, protocol and session under the sanitizers"
  task(:core, [:matching]) { |_, args| CoreRun.tests(CoreBuild.sanitized.tests(args[:matching].to_s)) }

  desc "Run the C tests of net, on real sockets and libev, under the sanitizers"
  task(:net) { CoreRun.tests(CoreBuild.sanitized.net_tests) }

  desc "Run the C tests of the server's thread under the thread sanitizer"
  task(:tsan) { CoreRun.tests(CoreBuild.threaded.net_tests("runner|host")) }
end

desc "Run the simulation: clients and workers against our servers and a model of gearmand, in memory, seed after seed"
task(:sim, [:seeds]) { |_, args| CoreRun.simulation(CoreBuild.sanitized, Integer(args.fetch(:seeds, 2000))) }

desc "Run sessions, a job queue and a job server among those who say and do anything, guided by coverage; needs clang"
task(:fuzz, [:seconds]) { |_, args| CoreRun.fuzzing(CoreBuild.guided, Integer(args.fetch(:seconds, 60))) }

namespace :fuzz do
  desc "The same by chance, without clang"
  task(:blind, [:seeds]) { |_, args| CoreRun.blind_fuzzing(CoreBuild.sanitized, Integer(args.fetch(:seeds, 5000))) }

  desc "Run connections on real sockets between servers and callers who do anything, in time of their own"
  task(:net, [:seeds]) { |_, args| CoreRun.net_fuzzing(CoreBuild.sanitized, Integer(args.fetch(:seeds, 1000))) }
end

namespace :coverage do
  desc "Line coverage of the C tests; fails under #{CoreCoverage::FLOOR} % for any floor"
  task(:core) { CoreCoverage.new.measure }
end
