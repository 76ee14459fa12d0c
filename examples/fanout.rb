# frozen_string_literal: true

# Scatter and gather: one part for each job, all at once, over as many workers as there are.
#
#     ruby -Ilib examples/worker.rb [host:port] &    first, as many as you like
#     ruby -Ilib examples/fanout.rb [host:port] [file …]

require "evgearman"

server, *files = ARGV
files = Dir[File.join(__dir__, "*.rb")].sort if files.empty?
client = EVGearman::Client.new(url: server)

# Scatter.
tasks = files.to_h { |file| [file, client.submit_job("words", File.binread(file), timeout: 5)] }

# Gather. `wait` does not raise: one part that failed is no reason to lose the others.
counted, failed = tasks.partition { |_, task| task.wait.success? }

counted.each { |file, task| puts format("%6d %s", Integer(task.result), File.basename(file)) }
failed.each { |file, task| warn "#{File.basename(file)}: #{task.error.message}" }
puts format("%6d words in %d files", counted.sum { |_, task| Integer(task.result) }, counted.size)

client.close
exit 1 if failed.any?
