# frozen_string_literal: true

require_relative "support/call_graph"
require_relative "support/house_rules"

complain = lambda do |name, complaints|
  abort "#{name}:\n  #{complaints.join("\n  ")}" if complaints.any?
  puts "#{name}: ok"
end

namespace :check do
  desc "Refuse includes that climb: base, protocol, session, net, binding and its floors"
  task(:layers) { |task| complain[task.name, HouseRules.layers] }

  desc "Refuse C functions above #{HouseRules::LONGEST_FUNCTION} lines, and C files above #{HouseRules::LONGEST_FILE}"
  task(:lengths) { |task| complain[task.name, HouseRules.lengths] }

  desc "Refuse C files that call each other in a circle"
  task(circles: :compile) do |task|
    objects = Dir["ext/evgearman/**/*.c"].map { |path| "#{OBJECTS}/#{File.basename(path, ".c")}.o" }
    complain[task.name, CallGraph.new(objects).circles]
  end

  desc "Refuse symbols that leave the extension, other than Init_evgearman"
  task(symbols: :compile) do |task|
    complain[task.name, HouseRules.symbols("lib/evgearman/evgearman.#{RbConfig::CONFIG["DLEXT"]}")]
  end
end

desc "Check the layers, the circles, the lengths and the exported symbols"
task check: %w[check:layers check:circles check:lengths check:symbols]
