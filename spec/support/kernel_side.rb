# frozen_string_literal: true

require "socket"

# What the kernel was told of this process' TCP connections.
module KernelSide
  # [is it on?, seconds of idleness] of each connection whose address there (or here) has this port.
  def keepalives(port, address = :remote_address)
    skip "needs Linux" unless File.directory?("/proc/self/fd")
    own_sockets.filter_map do |socket|
      next unless socket.remote_address.ip? && socket.public_send(address).ip_port == port

      [socket.getsockopt(:SOCKET, :KEEPALIVE).bool, socket.getsockopt(:TCP, :KEEPIDLE).int]
    rescue SystemCallError, SocketError
      nil # one that listens, or was closed meanwhile
    end
  end

  private

  def own_sockets
    Dir.children("/proc/self/fd").filter_map do |number|
      next unless File.readlink("/proc/self/fd/#{number}").start_with?("socket:")

      Socket.for_fd(number.to_i).tap { |shared| shared.autoclose = false }
    rescue SystemCallError
      nil
    end
  end
end

RSpec.configure { |config| config.include KernelSide }
