# frozen_string_literal: true

require_relative "support/fresh_rails"
require_relative "support/package"

desc "Build the gem, install it where nothing else is, and run the demo and its program there"
task :package do |task|
  forgotten = Package.forgotten
  abort "not in the gem:\n  #{forgotten.join("\n  ")}" if forgotten.any?
  Package.try("examples/demo.rb")
  puts "#{task.name}: ok"
end

desc "Take the README's three steps in a new Rails application, with the gem as it is built; needs the registry"
task "package:rails" do |task|
  FreshRails.new.try
  puts "#{task.name}: ok"
end
