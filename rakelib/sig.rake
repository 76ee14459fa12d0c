# frozen_string_literal: true

require "open3"

desc "Validate the signatures in sig/"
task :sig do |task|
  complaints, status = Open3.capture2e(RbConfig.ruby, Gem.bin_path("rbs", "rbs"), "-I", "sig", "validate")
  abort complaints.lines.grep_v(/\AValidating/).join unless status.success?
  puts "#{task.name}: ok"
end
