# frozen_string_literal: true

require "rbconfig"
require_relative "server"
require_relative "../support/papers"

# Our own by TLS, in a process of its own, that can be killed and brought back.
class SecureChaosServer < ChaosServer
  SERVE = "EVGearman::Server.new(port: Integer(ARGV.fetch(0)), tls: { cert_file: ARGV.fetch(1) }).run"

  def tls = { ca_file: Papers["ca"] }

  private

  def command = [RbConfig.ruby, "-I#{$LOAD_PATH.join(":")}", "-revgearman", "-e", SERVE, @port.to_s, Papers["server"]]

  def answers?
    Socket.tcp(HOST, @port) { true }
  rescue SystemCallError
    false
  end
end
