# frozen_string_literal: true

require "rubocop/rake_task"

RuboCop::RakeTask.new { |task| task.options = ["--display-only-fail-level-offenses"] }

c_files = Rake::FileList["ext/evgearman/*/*.{c,h}", "spec/core/**/*.{c,h}", "spec/support/peers/*.c", "bench/*.c"]

desc "Format the C code"
task(:format) { sh "clang-format", "-i", *c_files, verbose: false }

namespace :format do
  desc "Refuse C code that is formatted otherwise"
  task(:check) { sh "clang-format", "--dry-run", "-Werror", *c_files, verbose: false }
end

desc "Refuse public classes and methods without documentation"
task :yard do
  report = IO.popen(%w[yard stats --list-undoc --no-private --no-progress lib/**/*.rb], err: %i[child out], &:read)
  puts report
  abort "yard: not everything public is documented" unless report.include?("100.00% documented")
end
