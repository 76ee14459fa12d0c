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

    # "host", "host:port", "[ip6]", "[ip6]:port", and a slash behind it
    HOST_PORT = /\A(?:\[(?<ip6>[^\]]+)\]|(?<host>[^:\[\]\/@ \x00-\x1F\x7F]+))(?::(?<port>\d{1,5}))?\/?\z/

    # What belongs into a URL. One colon: an IPv6 address has two or more.
    NO_HOST = %r{\A[^:]*:[^:]*\z|[\[\]/]}n

    module_function

    # @return [Array<Array(String, Integer, String, Boolean)>] of each server host, port, path: one of host and path is nil;
    #   and whether it says that TLS is spoken there: nil when it does not say
    def list(servers: nil, **one)
      EVGearman._blame("give either servers: or url:, host:, port: and path:") if servers && one.values.any?

      texts = servers ? texts_of(servers) : (of_environment unless one.values.any?)
      return [resolve(**one)] if texts.nil? || (servers.nil? && texts.empty?)

      EVGearman._blame("servers: names none") if texts.empty?
      texts.map { |text| parse(text) }.uniq { |place| place.first(3) }
    end

    # Another spelling of an address: as {Connection#server} has it.
    def text(url)
      host, port, path = parse(url)
      path || "#{host.include?(":") ? "[#{host}]" : host}:#{port}"
    end

    def texts_of(servers)
      list = Array.try_convert(servers) || String.try_convert(servers)&.then { |text| words(text) }
      list or EVGearman._blame("servers: must be an Array or a String, not #{servers.class}", TypeError)
    end

    def words(text) = text.split(",").map(&:strip).reject(&:empty?)

    # @return [Array(String, Integer, String, Boolean)]
    def resolve(host: nil, port: nil, path: nil, url: nil)
      EVGearman._blame("give either url: or host:, port: and path:") if url && (host || port || path)
      EVGearman._blame("give either host: and port: or path:") if path && (host || port)

      return [nil, nil, path_name(path), false] if path
      return parse(url) if url

      [host_name(host) || DEFAULT_HOST, port_number(port) || DEFAULT_PORT, nil, nil]
    end

    # @param path [String, #to_path]
    # @return [String]
    def path_name(path)
      return File.path(path) if path.respond_to?(:to_path) || path.respond_to?(:to_str)

      EVGearman._blame("path: must be a String, not #{path.inspect}", TypeError)
    end

    # @return [String, nil] the same
    # @raise [ArgumentError] for one with a port
    # @raise [TypeError] for no String
    def host_name(host)
      unless host.nil? || String.try_convert(host)
        EVGearman._blame("host: must be a String, not #{host.inspect}", TypeError)
      end

      return host unless String.try_convert(host)&.b&.match?(NO_HOST)

      EVGearman._blame("host: must be a name or an IP address, not #{host.inspect}: its port goes to port:, both to url:")
    end

    # @param port [Integer, String, nil] digits, as they stand in the environment
    # @return [Integer, nil]
    def port_number(port)
      text = String.try_convert(port) or return port
      text.match?(/\A\d{1,5}\z/) ? text.to_i : EVGearman._blame("port: must be a number, not #{port.inspect}")
    end

    # "gearman://host:port", "gearmans://host:port", "unix:///path", "[::1]:4730", "host:port", "host"
    def parse(url)
      scheme, rest = text_of(url).match(%r{\A(?:([A-Za-z]+)://)?(.*)\z}m).captures
      case scheme&.downcase
      when nil then host_and_port(rest, url, nil)
      when "gearman" then host_and_port(rest, url, false)
      when "gearmans" then host_and_port(rest, url, true)
      when "unix" then [nil, nil, absolute(rest, url), false]
      else EVGearman._blame("unknown scheme in #{url.inspect}: use gearman://, gearmans:// or unix://")
      end
    end

    # @return [String] also of a URI, which shows "unix:/path"
    def text_of(url)
      return url.to_s.sub(%r{:/(?!/)}, ":///") if defined?(URI::Generic) && url.is_a?(URI::Generic)

      String.try_convert(url) or EVGearman._blame("an address is a String or a URI, not #{url.class}", TypeError)
    end

    # @return [String] the path
    def absolute(path, url)
      path.start_with?("/") ? path : EVGearman._blame("unix:// needs an absolute path, unlike #{url.inspect}")
    end

    # @return [Array(String, Integer, nil, Boolean)]
    def host_and_port(text, url, secure)
      match = HOST_PORT.match(text)
      EVGearman._blame("cannot read the address #{url.inspect}: use host:port or [ip6]:port") unless match

      [match[:ip6] || match[:host], match[:port]&.to_i || DEFAULT_PORT, nil, secure]
    end

    def of_environment = words(ENV.fetch("GEARMAN_SERVERS", ""))
  end
end
