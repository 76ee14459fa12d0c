# frozen_string_literal: true

# Hashes and arrays instead of bytes: a coder on the client. Anything with `dump` and `load` is one.
#
#     ruby -Ilib examples/json_payload.rb [host:port]

require "evgearman"
require "json"

# On the wire it is plain JSON, for a worker in any language.
worker = EVGearman::Worker.new(url: ARGV.first)
worker.register_function("invoice") do |job|
  invoice = JSON.parse(job.workload, symbolize_names: true)
  total = invoice[:lines].sum { |line| line[:price] * line[:count] }
  JSON.generate(customer: invoice[:customer], total: total)
end
worker.work # on the same loop: it works while the client waits

client = EVGearman::Client.new(url: ARGV.first, coder: JSON)
invoice = client.call("invoice", {
                        customer: "Žofie Nováková",
                        lines: [{ item: "tea", price: 4, count: 3 }, { item: "cup", price: 9, count: 2 }]
                      }, timeout: 5)

puts "#{invoice["customer"]} owes #{invoice["total"]}"

client.close
worker.close
