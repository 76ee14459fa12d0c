# frozen_string_literal: true

require "openssl"
require_relative "gearmand"
require_relative "papers"

# A real gearmand that speaks TLS, if it was built to: Debian's was not, takes `--ssl` all the same, and speaks plain. A PATH
# with another in front shows the other.
class SecureGearmand < Gearmand
  FILES = { "--ssl-ca-file" => "ca", "--ssl-certificate" => "server", "--ssl-key" => "server" }.freeze

  def initialize = super("--ssl", *FILES.flat_map { |option, papers| [option, Papers[papers]] })

  def url = "gearmans://#{super}"

  # Does it?
  attr_reader :secure

  private

  # Who asks does not leave: to whom has left it says farewell once more, by a descriptor that may be another's by then.
  def answers?
    @asked = OpenSSL::SSL::SSLSocket.new(TCPSocket.new(host, port))
    @secure = shake_hands(@asked)
    true
  rescue SystemCallError
    false
  end

  def shake_hands(tls)
    until tls.connect_nonblock(exception: false) == tls
      return false unless tls.to_io.wait_readable(2)
    end
    true
  rescue OpenSSL::SSL::SSLError
    false
  end
end
