# frozen_string_literal: true

# What workers of the specs do.
trace = ->(text) { File.write(ENV.fetch("TRACES"), "#{text}\n", mode: "a") }
tasks = EVGearman::Runtime

tasks.register("reverse") { |job| job.workload.reverse }
tasks.register("whoami") { |_job| Process.pid.to_s }
tasks.register("raise") { |job| raise ArgumentError, job.workload }
tasks.register("die") { |_job| Process.kill("KILL", Process.pid).then { sleep } }
tasks.register("grow") { |job| ("x" * Integer(job.workload)).then { |text| ($kept ||= []) << text }.size.to_s }

# Waits until it is to stop, or for so many seconds.
tasks.register("patient") do |job|
  trace["patient begins"]
  sleep(0.01) until job.stopping? || job.elapsed > job.workload.to_f
  trace["patient ends"]
  job.stopping? ? "stopped" : "slept"
end

# Does not look whether it is to stop.
tasks.register("stubborn") do |job|
  trace["stubborn begins"]
  sleep(job.workload.to_f)
  trace["stubborn ends"]
  "done"
end

EVGearman::Runtime::EVENTS.each { |event| tasks.on(event) { trace["#{event} #{Process.pid}"] } }
tasks.on_error { |error, context| trace["#{error.class}: #{error.message}, #{context[:function]} #{context[:handle]}"] }
