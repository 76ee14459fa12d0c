# frozen_string_literal: true

# Hashes and arrays instead of bytes: a coder on both sides. Anything with `dump` and `load` is one.
#
#     ruby -Ilib examples/json_payload.rb [host:port]

require "evgearman"
require "json"

# On the wire it is plain JSON, so the other side may be in any language.
worker = EVGearman::Worker.new(url: ARGV.first, coder: JSON)
worker.register_function("invoice") do |job|
  customer, lines = job.workload.values_at("customer", "lines")
  { customer: customer, total: lines.sum { |line| line["price"] * line["count"] } }
end
worker.work # on the same loop: it works while the client waits

client = EVGearman::Client.new(url: ARGV.first, coder: JSON)
order = {
  customer: "Žofie Nováková",
  lines: [{ item: "tea", price: 4, count: 3 }, { item: "cup", price: 9, count: 2 }]
}
invoice = client.call("invoice", order, timeout: 5)
puts "#{invoice["customer"]} owes #{invoice["total"]}"

client.close
worker.close
