# frozen_string_literal: true

module EVGearman
  # Whom to trust, and how to prove who we are, from what people write. One serves any number of connections.
  #
  # @api private
  class TLS
    # What `tls:` of a client or worker may say.
    CLIENT = { ca_file: nil, ca_path: nil, cert_file: nil, key_file: nil, verify: true, hostname: nil,
               min_version: "1.2" }.freeze

    # What that of a {Server} may.
    SERVER = { cert_file: nil, key_file: nil, ca_file: nil, verify_clients: false }.freeze

    FILES = %i[ca_file ca_path cert_file key_file].freeze

    class << self
      # @param tls [true, Hash, nil, false]
      # @param secure [Boolean, nil] what the address itself says
      # @return [TLS, nil] nil: in the clear
      def of_client(tls, secure)
        tls = true if secure && !tls
        options = options_of(tls, CLIENT) or return
        made = new(verify: options[:verify] != false, **options.slice(:hostname, :min_version, *FILES))
        made unless secure == false
      end

      # @param tls [Hash, nil, false]
      # @return [TLS, nil] nil: in the clear
      def of_server(tls)
        options = options_of(tls, SERVER) or return
        new(accepts: true, verify: options[:verify_clients], **options.slice(*FILES))
      end

      # Says once that nobody is verified.
      def doubt
        EVGearman._report(:warn, "evgearman: tls: verify: false: anybody may pass for the server") unless @doubted
        @doubted = true
      end

      private

      def options_of(tls, known)
        return unless tls

        given = tls == true ? {} : Hash.try_convert(tls)
        EVGearman._blame("tls: must be true or a Hash, not #{tls.class}", TypeError) unless given
        unknown = given.keys - known.keys
        EVGearman._blame("tls: unknown option: #{unknown.join(", ")}") unless unknown.empty?

        known.merge(given)
      end
    end

    def initialize(verify:, accepts: false, hostname: nil, min_version: "1.2", **files)
      EVGearman._blame('tls: min_version: must be "1.2" or "1.3"') unless %w[1.2 1.3].include?(min_version)

      _init(accepts, verify, min_version == "1.3", name(hostname), FILES.map { |name| path(name, files[name]) })
      self.class.doubt unless verify || accepts
    end

    private

    def name(hostname)
      return if hostname.nil?

      String.try_convert(hostname) or EVGearman._blame("tls: hostname: must be a String, not #{hostname.inspect}", TypeError)
    end

    # It is read again later, wherever the process is then.
    def path(name, path)
      return if path.nil?
      return File.expand_path(path) if path.respond_to?(:to_path) || path.respond_to?(:to_str)

      EVGearman._blame("tls: #{name}: must be a String, not #{path.class}", TypeError)
    end
  end
end
