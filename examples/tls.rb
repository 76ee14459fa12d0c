# frozen_string_literal: true

# Client and worker by TLS: on a server of this process, whose certificate is made on the spot; or on yours, with its CA.
# Whoever trusts another one is told why it cannot be.
#
#     ruby -Ilib examples/tls.rb [gearmans://host:port ca.pem]

require "evgearman"
require "openssl"
require "tmpdir"

# A certificate by itself, good for an hour, and its key.
def make_certificate(path)
  key = OpenSSL::PKey::EC.generate("prime256v1")
  made = OpenSSL::X509::Certificate.new
  made.version = 2
  made.serial = 1
  made.subject = made.issuer = OpenSSL::X509::Name.parse("/CN=example")
  made.public_key = key
  made.not_before = Time.now
  made.not_after = Time.now + 3600
  made.add_extension(OpenSSL::X509::ExtensionFactory.new.create_extension("subjectAltName", "DNS:localhost,IP:127.0.0.1"))
  File.write(path, made.sign(key, "SHA256").to_pem + key.to_pem)
end

Dir.mktmpdir do |dir|
  url, ca_file = ARGV
  unless url
    make_certificate(ca_file = File.join(dir, "example.pem"))
    server = EVGearman::Server.new(tls: { cert_file: ca_file }).start
    url = server.url
  end

  worker = EVGearman::Worker.new(url: url, tls: { ca_file: ca_file })
  worker.register_function("reverse") { |job| job.workload.reverse }
  worker.work # on the same loop: it works while the client waits

  client = EVGearman::Client.new(url: url, tls: { ca_file: ca_file })
  puts "a job: #{client.call("reverse", "terces", timeout: 5)}"

  stranger = EVGearman::Client.new(url: url, reconnect: false, on_error: nil) # trusts whom the system trusts
  puts "a stranger: #{stranger.echo("x").wait.error.class}"

  [client, worker, stranger].each(&:close)
  server&.stop
end
