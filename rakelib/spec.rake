# frozen_string_literal: true

require "rspec/core/rake_task"
require "open3"
require_relative "support/valgrind"

RSpec::Core::RakeTask.new(spec: :compile) { |task| task.verbose = false }

# What the API promises, said of any server.
CONTRACT = %w[spec/conformance/{jobs,lifecycle,surface}_spec.rb
              spec/{client,worker,submission,job,bulk,admin}_spec.rb].freeze

desc "Run the specs of the contract on gearmand; the others are on our own server, or on the one that they name"
task "spec:gearmand" => :compile do
  sh({ "SPEC_SERVER" => "gearmand" }, "bundle", "exec", "rspec", "--tag", "~server", *Dir.glob(CONTRACT).sort,
     verbose: false)
end

desc "Run RSpec and the C tests under the address and undefined-behaviour sanitizers"
task sanitize: %w[compile:sanitize spec:core] do
  runtime = %w[libasan.so libstdc++.so].map { |name| `gcc -print-file-name=#{name}`.strip }.join(" ")
  env = { "LD_PRELOAD" => runtime, "ASAN_OPTIONS" => "detect_leaks=0:use_sigaltstack=0", # Ruby has its own
          "UBSAN_OPTIONS" => "halt_on_error=1:print_stacktrace=1" }
  sh env.merge(SANITIZED.env), "bundle", "exec", "rspec", verbose: false
end

desc "Run the specs without tags under valgrind; fails on our leaks and our invalid accesses"
task valgrind: "compile:debug" do
  Valgrind.new(DEBUG.env).run
end

desc "Kill, raise and time out in every thread for some seconds, with assertions on"
task :chaos, [:seconds] => "compile:debug" do |_, args|
  ruby "-I#{DEBUG.lib}", "-Ilib", "spec/chaos/chaos.rb", args.fetch(:seconds, "60").to_s, verbose: false
end

desc "The same by TLS, on a server of ours"
task "chaos:tls", [:seconds] => "compile:debug" do |_, args|
  ruby "-I#{DEBUG.lib}", "-Ilib", "spec/chaos/chaos.rb", "--tls", args.fetch(:seconds, "60").to_s, verbose: false
end

desc "Measure; with options as in bench[--only=echo,--rounds=9]: see bench/run.rb"
task(:bench, [] => :compile) { |_, args| ruby "bench/run.rb", *args.extras, verbose: false }

desc "Measure beside gearman-ruby and libgearman; with options as in bench:peers[--only=call]: see bench/peers.rb"
task("bench:peers", [] => :compile) { |_, args| ruby "bench/peers.rb", *args.extras, verbose: false }

desc "Measure the job server beside gearmand; with options as in bench:server[--rounds=3]: see bench/server.rb"
task("bench:server", [] => :compile) { |_, args| ruby "bench/server.rb", *args.extras, verbose: false }

desc "Measure TLS beside raw TLS and beside none; with options as in bench:tls[--rounds=9]: see bench/tls.rb"
task("bench:tls", [] => :compile) { |_, args| ruby "bench/tls.rb", *args.extras, verbose: false }

desc "Measure workers that have nothing to do, for so many seconds: see bench/idle.rb"
task("bench:idle", [:seconds] => :compile) do |_, args|
  ruby "-Ilib", "bench/idle.rb", args.fetch(:seconds, "60"), verbose: false
end

desc "Measure one client at three gearmands beside one; with options as in bench:several[--rounds=9]: see bench/several.rb"
task("bench:several", [] => :compile) { |_, args| ruby "bench/several.rb", *args.extras, verbose: false }

desc "Count instructions per operation; with options as in bench:instructions[--against=main]: see bench/instructions.rb"
task("bench:instructions", [] => :compile) { |_, args| ruby "bench/instructions.rb", *args.extras, verbose: false }
