# frozen_string_literal: true

require "socket"

module EVGearman
  class Runtime
    # systemd, or whoever else listens at `NOTIFY_SOCKET`: is told when it is ready, when it ends, and that it is alive.
    #
    # @api private
    class ServiceManager
      def initialize(env = ENV)
        @path = env["NOTIFY_SOCKET"].to_s
        mine = env.fetch("WATCHDOG_PID", ::Process.pid).to_s == ::Process.pid.to_s
        @interval = mine ? env["WATCHDOG_USEC"].to_i / 1_000_000.0 : 0
        @told_at = 0
      end

      # Seconds after which it takes us for dead.
      # @return [Float, nil]
      def patience = @interval.positive? ? @interval : nil

      def ready = tell("READY=1")
      def reloading = tell("RELOADING=1", "MONOTONIC_USEC=#{(now * 1_000_000).to_i}")
      def stopping = tell("STOPPING=1")

      def status(text) = tell("STATUS=#{text}")

      # Twice in its patience is enough.
      def alive
        return unless patience && now - @told_at >= patience / 2

        @told_at = now
        tell("WATCHDOG=1")
      end

      private

      def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)

      def tell(*lines)
        return if @path.empty?

        Socket.open(:UNIX, :DGRAM) do |socket|
          socket.connect(Socket.pack_sockaddr_un(@path.sub(/\A@/, "\0")))
          socket.write(lines.join("\n"))
        end
      rescue SystemCallError
        nil # it does not listen any more
      end
    end
  end
end
