# frozen_string_literal: true

# A worker that serves for ever, and what the client examples ask for. Ctrl-C to stop: it finishes the job it has.
#
#     ruby -Ilib examples/worker.rb [host:port]

require "evgearman"

$stdout.sync = true # logs are read while it runs
worker = EVGearman::Worker.new(url: ARGV.first, client_id: "examples")

# What it lives through. Without the second a line goes to stderr, one for each cause and outage.
worker.on_connect { puts "connected" }
worker.on_error { |error| puts "trouble: #{error.message}" }
worker.work { puts "nothing to do" } # as often as it goes to sleep

worker.register_function("reverse") { |job| job.workload.reverse }

worker.register_function("words") { |job| job.workload.split.size.to_s }

worker.register_function("mail") do |job|
  puts "mail to #{job.workload}"
end

# What is ready goes out at once, and so does how far it got.
worker.register_function("report") do |job|
  pages = Integer(job.workload)
  job.warning("that is a short report") if pages < 5
  1.upto(pages) do |page|
    sleep 0.05
    job.send_data("page #{page}")
    job.status(page, pages)
  end
  "#{pages} pages"
end

puts "#{worker.client_id} does #{worker.functions.sort.join(", ")} for #{worker.server}. Ctrl-C to stop."
finished = worker.run[:finished]
puts "#{finished} jobs done"
