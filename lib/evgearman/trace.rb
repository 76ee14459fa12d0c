# frozen_string_literal: true

module EVGearman
  # With `EVGEARMAN_TRACE=1` in the environment every connection writes a line to stderr for each packet. Nothing else
  # that this gem prints shows a workload.
  #
  #     evgearman: client 127.0.0.1:4730 -> SUBMIT_JOB "reverse" "" "hello"
  #
  # @api private
  module Trace
    # Bytes of an argument that are shown.
    LONGEST = 60

    module_function

    # @return [Boolean]
    def wanted? = !["", "0"].include?(ENV.fetch("EVGEARMAN_TRACE", ""))

    # @param connection [Connection]
    # @return [Proc] for `on_packet`
    def printer(connection)
      kind = connection.is_a?(Worker) ? "worker" : "client"
      lambda do |direction, name, args, server|
        $stderr.write("evgearman: #{kind} #{server} #{line(direction, name, args)}\n")
      end
    end

    # @return [String] "<- JOB_CREATED \"H:host:1\""
    def line(direction, name, args)
      [direction == :in ? "<-" : "->", name.to_s.upcase, *args.map { |arg| show(arg) }].join(" ")
    end

    # @return [String]
    def show(bytes)
      return bytes.inspect if bytes.bytesize <= LONGEST

      "#{bytes.byteslice(0, LONGEST).inspect}... (#{bytes.bytesize} bytes)"
    end
  end
end
