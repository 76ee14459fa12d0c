# frozen_string_literal: true

require "json"
require "socket"

module EVGearman
  module CLI
    # `evgearman server`
    class Server < Command
      SUMMARY = "A job server in the foreground, for development: until TERM or Ctrl-C; its jobs are in memory only"
      SETTINGS = [].freeze

      # Flags that are options of {EVGearman::Server} by the same name.
      OPTIONS = [
        ["--host ADDRESS", String, "where it listens; usually #{Address::DEFAULT_HOST}"],
        ["--port PORT", Integer, "usually #{Address::DEFAULT_PORT}; 0: one that is free"],
        ["--path FILE", String, "a unix socket instead"],
        ["--allow-remote", "also at an address that other machines reach: there is no password"],
        ["--job-retries N", Integer, "a job that lost its worker so often fails"],
        ["--max-jobs N", Integer, "more are refused"],
        ["--worker-wakeup N", Integer, "sleeping workers that a job wakes; 0: all"],
        ["--[no-]round-robin", "functions of a worker take turns"]
      ].freeze
      private_constant :OPTIONS

      # What is in the way, and what may be done about it.
      REMEDIES = {
        Errno::EADDRINUSE => "it is in use: choose another with --port",
        Errno::EACCES => "not allowed: choose a port above 1023",
        Errno::EADDRNOTAVAIL => "no address of this machine", SocketError => "no such host"
      }.freeze
      private_constant :REMEDIES

      def call
        EVGearman::Server.new(**options).run { |server| announce(server) }
      rescue ArgumentError => e
        raise UsageError, e.message.sub("allow_remote: true", "--allow-remote")
      rescue SystemCallError, SocketError => e
        raise Error, "cannot listen at #{place}: #{remedy(e) || e.message}"
      end

      private

      # By what it is a kind of: a host that is not found has a class of its own since Ruby 3.3.
      def remedy(error) = REMEDIES.find { |kind, _| error.is_a?(kind) }&.last

      def flags(parser)
        @given = {}
        OPTIONS.each do |flag, *rest|
          name = flag[/[a-z][a-z-]+(?= |\z)/].tr("-", "_").to_sym
          parser.on(flag, *rest) { |value| @given[name] = value }
        end
        parser.on("--tls CERT[,KEY]", Array, "PEM files of its certificate and key") { |files| @tls = files }
        quirks = "be wrong where others are: gearmand_1_1_20, gearmand_2_0, perl_server"
        parser.on("--quirks LIST", Array, quirks) { |names| @given[:quirks] = names.map(&:to_sym) }
        parser.on("--json", "print JSON") { @json = true }
      end

      def options
        options = @given.dup
        options[:port] ||= Address::DEFAULT_PORT unless options[:path]
        options[:tls] = { cert_file: @tls[0], key_file: @tls[1] } if @tls
        options
      end

      def place = @given[:path] || "#{@given[:host] || Address::DEFAULT_HOST}:#{@given[:port] || Address::DEFAULT_PORT}"

      # At once: who started it may wait for that line.
      def announce(server)
        puts(@json ? JSON.generate({ url: server.url, pid: Process.pid }) : "evgearman #{VERSION} serves at #{server.url}")
        $stdout.flush
      end
    end
  end
end
