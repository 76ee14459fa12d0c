# frozen_string_literal: true

# Several servers: each job goes to the next one, and past one that is away.
#
#     ruby -Ilib examples/multi_server.rb [host:port …]

require "evgearman"

# One client for each server, in turns. Who was away is left alone for some seconds.
class Farm
  def initialize(servers, pause: 5)
    @clients = servers.map { |url| EVGearman::Client.new(url: url, reconnect: false, on_error: ->(*) {}) }
    @pause = pause
    @away_until = Hash.new(Time.at(0))
  end

  # The key makes it one job on a server that has it already. Nothing does between two servers: it may run twice
  # when one takes it and dies before it says so.
  def enqueue(function, workload, unique:)
    failures = 0
    begin
      client = next_client
      [client.server, client.enqueue(function, workload, unique: unique)]
    rescue EVGearman::Error => e
      puts e.message
      @away_until[client] = Time.now + @pause
      e.retriable? && (failures += 1) < @clients.size ? retry : raise
    end
  end

  def close = @clients.each(&:close)

  private

  def next_client
    @clients.rotate!
    @clients.find { |client| @away_until[client] <= Time.now } || @clients.first
  end
end

servers = ARGV.empty? ? ENV.fetch("GEARMAN_SERVERS", "127.0.0.1:4730").split(",") : ARGV
farm = Farm.new(servers)
6.times do |number|
  server, handle = farm.enqueue("log", "line #{number}", unique: "line #{number}")
  puts "line #{number} is #{handle} at #{server}"
end
farm.close
