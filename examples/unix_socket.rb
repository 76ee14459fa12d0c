# frozen_string_literal: true

# Client and worker on a unix socket. gearmand listens on TCP only, so this brings a small relay; a real one is socat
# or a sidecar, which may add TLS on its other side.
#
#     ruby -Ilib examples/unix_socket.rb [host:port]

require "evgearman"
require "socket"
require "tmpdir"

# Carries bytes both ways, for each connection.
def relay(path, host, port)
  listener = UNIXServer.new(path)
  Thread.new do
    Socket.accept_loop(listener) do |near|
      far = TCPSocket.new(host, port)
      [[near, far], [far, near]].each { |from, to| Thread.new { carry(from, to) } }
    end
  end
end

def carry(from, to)
  IO.copy_stream(from, to) and to.close_write
rescue SystemCallError
  nil # the other side was gone first
end

tcp = EVGearman::Client.new(url: ARGV.first)

Dir.mktmpdir do |dir|
  path = File.join(dir, "gearmand.sock")
  relay(path, tcp.host, tcp.port)

  worker = EVGearman::Worker.new(path: path)
  worker.register_function("reverse") { |job| job.workload.reverse }
  worker.work # on the same loop: it works while the client waits

  client = EVGearman::Client.new(url: "unix://#{path}")
  puts "#{File.basename(client.server)}: #{client.call("reverse", "tekcos", timeout: 5)}"
  [client, worker].each(&:close)
end
