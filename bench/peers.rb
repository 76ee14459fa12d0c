# frozen_string_literal: true

# The same operations by evgearman, by the gem gearman-ruby and by libgearman, on a gearmand of its own or on yours.
# libgearman's header has to be installed (Debian: libgearman-dev), which bin/setup does. gearman-ruby has one request
# under way, whatever the others have.
#
#     bench/peers.rb [--server HOST:PORT] [--seconds 1 | --ops N] [--rounds 5] [--only call …]
require_relative "support/options"
require_relative "support/peers"
require_relative "support/table"

options = Bench::Options.parse
peers = Bench::Peers.new(Bench::Suite.new(**options), **options.slice(:rounds, :only))
rows = peers.run { |title| warn "bench: #{title}" if $stderr.tty? }
puts Bench::Table.grid([peers.head, *rows.map { |title, *numbers| [title, *numbers.map { |it| Bench::Table.number(it) }] }])
abort "bench: numbers are missing" unless rows.any? && rows.flat_map { |row| row.drop(1) }.all?(&:positive?)
