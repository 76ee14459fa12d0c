# frozen_string_literal: true

module EVGearman
  class Runtime
    # Tells by HTTP how it is: for Kubernetes and the like, and for Prometheus.
    #
    # - `/status`: it is alive; a table of its processes.
    # - `/status/started`: 200 once all processes are ready, else 503.
    # - `/status/connected`: 200 while all of them are connected, else 503.
    # - `/metrics`: numbers, as Prometheus reads them.
    #
    # It needs the gem webrick, and prometheus-client for `/metrics`.
    #
    # @api private
    class Probe
      # @param board [Board]
      # @raise [Failure] without the gem, or when the port is taken
      def initialize(board, settings, log)
        Probe.load("webrick")
        @board = board
        @log = log
        @server = make_server(settings)
        mount
        OwnThread.start("evgearman probe") { @server.start }
        log.info("probe", port: @server.listeners.first.addr[1])
      end

      # A gem that is asked for only by who uses this.
      def self.load(gem, file = gem)
        require file
      rescue LoadError
        raise Failure, "--probe-port needs the gem #{gem}: gem \"#{gem}\" belongs into the Gemfile"
      end

      # In a child: the port is its parent's.
      def close = @server.listeners.each(&:close)

      private

      def make_server(settings)
        host, port = settings.to_h.values_at(:probe_host, :probe_port)
        WEBrick::HTTPServer.new(BindAddress: host, Port: port, AccessLog: [], Logger: WEBrick::Log.new(nil, 0),
                                DoNotReverseLookup: true)
      rescue SystemCallError, SocketError => e
        raise Failure, "cannot listen on #{host}:#{port} for the probe: #{e.message}"
      end

      def mount
        answer("/status") { [200, { processes: @board.processes }] }
        answer("/status/started") { [@board.started? ? 200 : 503, {}] }
        answer("/status/connected") { [@board.connected? ? 200 : 503, {}] }
        @server.mount_proc("/metrics") { |_, response| metrics(response) }
      end

      def answer(path)
        @server.mount_proc(path) do |request, response|
          next response.status = 404 unless request.path == path

          response.status, table = yield
          response.content_type = "application/json"
          response.body = "#{JSON.generate({ status: response.status == 200 ? "ok" : "not yet", **table })}\n"
        end
      end

      def metrics(response)
        require_relative "metrics"
        response.content_type = Metrics::CONTENT_TYPE
        response.body = Metrics.new(@board).to_s
      rescue Failure => e
        @log.error(e.message)
        response.status = 501
        response.body = "#{e.message}\n"
      end
    end
  end
end
