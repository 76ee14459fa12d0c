# frozen_string_literal: true

# Several servers: each job goes to the next one, and past one that is away.
#
#     ruby -Ilib examples/multi_server.rb [host:port …]

require "evgearman"

# Clients of several servers, in turns. Who was away is left alone for five seconds.
class Farm
  def initialize(clients)
    @clients = clients.dup
    @away_until = Hash.new(Time.at(0))
  end

  # A key makes it one job on one server. Between two it may run twice: when one takes it and dies before it says so.
  def ask(tries = @clients.size)
    client = next_client
    [client.server, yield(client)]
  rescue EVGearman::Error => e
    raise unless e.retriable? && (tries -= 1).positive?

    puts e.message
    @away_until[client] = Time.now + 5
    retry
  end

  private

  def next_client
    client = @clients.find { |each| @away_until[each] <= Time.now } || @clients.first
    @clients.push(@clients.delete(client)).last
  end
end

servers = ARGV.empty? ? ENV.fetch("GEARMAN_SERVERS", "127.0.0.1:4730").split(",") : ARGV
clients = servers.map { |url| EVGearman::Client.new(url: url, reconnect: false, on_error: ->(*) {}) }
farm = Farm.new(clients)
%w[one two three four five six].each do |line|
  server, handle = farm.ask { |client| client.enqueue("log", line, unique: line) }
  puts "#{line} is #{handle} at #{server}"
end

# Results come back from wherever a worker is. These are on the same loop: they work while a client waits.
workers = servers.map { |url| EVGearman::Worker.new(url: url, on_error: ->(*) {}) }
workers.each { |worker| worker.register_function("reverse") { |job| job.workload.reverse }.work }
%w[desserts diaper].each { |word| puts farm.ask { |client| client.call("reverse", word, unique: word) }.join(": ") }
[*clients, *workers].each(&:close)
