# frozen_string_literal: true

require "rubocop/rake_task"

RuboCop::RakeTask.new { |task| task.options = ["--display-only-fail-level-offenses"] }

c_files = Rake::FileList["ext/evgearman/**/*.{c,h}", "spec/core/**/*.{c,h}", "spec/support/peers/*.c", "bench/**/*.c"]

desc "Format the C code"
task(:format) { sh "clang-format", "-i", *c_files, verbose: false }

namespace :format do
  desc "Refuse C code that is formatted otherwise"
  task(:check) { sh "clang-format", "--dry-run", "-Werror", *c_files, verbose: false }
end

desc "Write the documentation to tmp/doc; refuse gaps in it, and names that are not there"
task :yard do |task|
  report = IO.popen(%w[yard doc --no-save --no-cache --no-progress --output-dir tmp/doc], err: %i[child out], &:read)
  whole = report.include?("100.00% documented")
  report << `yard stats --list-undoc --no-save --no-cache --no-progress` unless whole
  abort report unless whole && !report.include?("[warn]")
  puts "#{task.name}: ok"
end
