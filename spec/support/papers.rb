# frozen_string_literal: true

require "fileutils"
require "openssl"
require "tmpdir"

# Certificates with their keys, made when they are first asked for. All are by "ca", but "stranger", by "other_ca", "self", by
# itself, and those by "between", which is by "ca": "chained", with that behind it, and "unchained".
module Papers
  DAY = 24 * 60 * 60
  HERE = "DNS:localhost,IP:127.0.0.1"

  # From when, until when, and to whom.
  KINDS = {
    "server" => [-1, 1, HERE], "replaced" => [-1, 1, HERE], "expired" => [-2, -1, HERE], "future" => [1, 2, HERE],
    "elsewhere" => [-1, 1, "DNS:other.example"], "client" => [-1, 1, "DNS:client"], "stranger" => [-1, 1, HERE],
    "self" => [-1, 1, HERE], "chained" => [-1, 1, HERE], "unchained" => [-1, 1, HERE], "revoked" => [-1, 1, HERE]
  }.freeze
  ISSUERS = Hash.new("ca").merge("stranger" => "other_ca", "chained" => "between", "unchained" => "between").freeze

  class << self
    # @return [String] the file; "ca" and "other_ca" without a key
    def [](name)
      @made ||= {}
      @made[name] ||= write(name, name.end_with?("ca") ? [authority(name).first] : issue(name))
    end

    # The CA, and that it has revoked a certificate.
    # @return [String] the file
    def revoking(name)
      revoked = OpenSSL::X509::Revoked.new
      revoked.serial = OpenSSL::X509::Certificate.new(File.read(self[name])).serial
      revoked.time = Time.now - DAY
      write("revoking-#{name}", [authority("ca").first, revocation_list([revoked])])
    end

    # A folder that goes with the process that made it.
    def dir
      @dir ||= Dir.mktmpdir("papers").tap { |dir| at_exit { FileUtils.rm_rf(dir) if @owner == Process.pid } }
    ensure
      @owner ||= Process.pid
    end

    private

    def write(name, papers) = File.join(dir, "#{name}.pem").tap { |path| File.write(path, papers.map(&:to_pem).join) }

    def authority(name)
      @authorities ||= {}
      by = authority("ca") if name == "between"
      @authorities[name] ||= new_key.then { |key| [certificate(name, key, -9, 9, nil, true, by), key] }
    end

    def issue(name)
      from, to, names = KINDS.fetch(name)
      key = new_key
      by = authority(ISSUERS[name]) unless name == "self"
      [certificate(name, key, from, to, names, false, by), *(by.first if name == "chained"), key]
    end

    def new_key = OpenSSL::PKey::EC.generate("prime256v1")

    def certificate(name, key, from, to, names, authority, by = nil)
      made = OpenSSL::X509::Certificate.new
      made.version = 2
      made.serial = @serial = (@serial || 0) + 1
      made.subject = OpenSSL::X509::Name.parse("/CN=#{name}")
      made.issuer = by ? by.first.subject : made.subject
      made.public_key = key
      made.not_before = Time.now + (from * DAY)
      made.not_after = Time.now + (to * DAY)
      extend_it(made, names, authority)
      made.sign(by ? by.last : key, "SHA256")
    end

    def revocation_list(revoked)
      by, key = authority("ca")
      made = OpenSSL::X509::CRL.new
      made.version = 1
      made.issuer = by.subject
      made.last_update = Time.now - DAY
      made.next_update = Time.now + DAY
      revoked.each { |one| made.add_revoked(one) }
      made.sign(key, "SHA256")
    end

    def extend_it(made, names, authority)
      factory = OpenSSL::X509::ExtensionFactory.new
      made.add_extension(factory.create_extension("basicConstraints", "CA:#{authority ? "TRUE" : "FALSE"}", true))
      made.add_extension(factory.create_extension("subjectAltName", names)) if names
    end
  end
end
