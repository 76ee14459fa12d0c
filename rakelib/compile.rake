# frozen_string_literal: true

require "rake/extensiontask"
require_relative "support/flavour"

extension = Rake::ExtensionTask.new("evgearman") do |ext|
  ext.lib_dir = "lib/evgearman"
  ext.source_pattern = "**/*.{c,h}"
end

OBJECTS = "tmp/#{extension.platform}/evgearman/#{RUBY_VERSION}".freeze

file "#{OBJECTS}/Makefile" => [Flavour.sources_list, "ext/evgearman/depend"]

DEBUG = Flavour.new("debug", { "EVGEARMAN_DEBUG" => "1" })
SANITIZED = Flavour.new("sanitize", { "EVGEARMAN_DEBUG" => "1", "EVGEARMAN_SANITIZE" => "1" })

namespace :compile do
  desc "Build the extension with assertions, unoptimised"
  task(:debug) { DEBUG.build }

  desc "Build the extension with the address and undefined-behaviour sanitizers"
  task(:sanitize) { SANITIZED.build }
end
