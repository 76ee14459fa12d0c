# frozen_string_literal: true

module EVGearman
  # Where a server is, from what people write.
  #
  # @api private
  module Address
    # Where a server is when nobody says.
    DEFAULT_HOST = "127.0.0.1"

    # Gearman's.
    DEFAULT_PORT = 4730

    # "host", "host:port", "[ip6]", "[ip6]:port"
    HOST_PORT = /\A(?:\[(?<ip6>[^\]]+)\]|(?<host>[^:\[\]\/ \x00-\x1F\x7F]+))(?::(?<port>\d{1,5}))?\z/

    module_function

    # @return [Array(String, Integer, String)] host, port, path: one of host and path is nil
    def resolve(host: nil, port: nil, path: nil, url: nil)
      raise ArgumentError, "give either url: or host:, port: and path:" if url && (host || port || path)
      raise ArgumentError, "give either host: and port: or path:" if path && (host || port)

      return [nil, nil, File.path(path)] if path
      return parse(url) if url
      return parse(first_of_environment) if host.nil? && port.nil? && first_of_environment

      [host || DEFAULT_HOST, port || DEFAULT_PORT, nil]
    end

    # "gearman://host:port", "unix:///path", "[::1]:4730", "host:port", "host"
    def parse(url)
      text = String.try_convert(url) or raise TypeError, "an address is a String, not #{url.class}"
      scheme, rest = text.match(%r{\A(?:([a-z]+)://)?(.*)\z}m).captures
      case scheme
      when nil, "gearman" then host_and_port(rest, url)
      when "unix" then [nil, nil, rest]
      else raise ArgumentError, "unknown scheme in #{url.inspect}: use gearman:// or unix://"
      end
    end

    # @return [Array(String, Integer, nil)]
    def host_and_port(text, url)
      match = HOST_PORT.match(text)
      raise ArgumentError, "cannot read the address #{url.inspect}: use host:port or [ip6]:port" unless match

      [match[:ip6] || match[:host], match[:port]&.to_i || DEFAULT_PORT, nil]
    end

    # @return [String, nil] the first server of GEARMAN_SERVERS
    def first_of_environment
      ENV.fetch("GEARMAN_SERVERS", "").split(",").map(&:strip).find { |server| !server.empty? }
    end
  end
end
