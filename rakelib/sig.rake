# frozen_string_literal: true

require "open3"

# Those that call nearly everything, and in which nothing is counted that a check of each call would slow down.
CALLING = %w[values job_status submission task client worker admin dialect].map { |name| "spec/#{name}_spec.rb" }

namespace :sig do
  desc "Run some specs, and compare each call with its signature in sig/"
  task test: :compile do
    sh "bundle", "exec", "rspec", "--require", "./rakelib/support/signature_check.rb", *CALLING, verbose: false
  end
end

desc "Validate the signatures in sig/"
task :sig do |task|
  complaints, status = Open3.capture2e(RbConfig.ruby, Gem.bin_path("rbs", "rbs"), "-I", "sig", "validate")
  abort complaints.lines.grep_v(/\AValidating/).join unless status.success?
  puts "#{task.name}: ok"
end
