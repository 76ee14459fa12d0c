# frozen_string_literal: true

module EVGearman
  # What {Client} and {Worker} have in common: one connection to one server, made when it is needed and made
  # again when it is lost.
  #
  # Methods whose packet draws a reply return a {Task} and take an optional block `{ |value, error| }`.
  class Connection
    # @!method echo(data)
    #   Sends ECHO_REQ. The answer tells that all that was sent before has been taken in.
    #   @param data [String] bytes
    #   @return [Task] of the same bytes
    #   @raise [ConnectionError] "closed"
    #   @raise [BackpressureError]
    #   @raise [PacketTooLargeError]

    # @!method set_client_id(id)
    #   Sends SET_CLIENT_ID, now and on every connect: what the server lists under `workers`.
    #   @param id [String] 1 to 63 printable ASCII characters without spaces
    #   @return [self]
    #   @raise [ArgumentError]

    # @!method option(name)
    #   Sends OPTION_REQ, now and on every connect.
    #   @param name [String] "exceptions" is the only one that gearmand knows
    #   @return [Task] of true
    #   @raise [ArgumentError, ConnectionError, BackpressureError]

    # @!method pause_reading
    #   Reads nothing from the server until {#resume_reading}: what it sends piles up there.
    #   @return [self]

    # @!method resume_reading
    #   @return [self]

    # @!method disconnect
    #   Every Task fails with DisconnectedError "disconnected" before this returns; blocks run in the next turn.
    #   Down until {#connect} or the next request. Idempotent.
    #   @return [self]

    # @!method state
    #   @return [Symbol] `:idle`, `:connecting`, `:connected`, `:waiting` (to connect again) or `:closed`

    # @!method connected?
    #   @return [Boolean] is a connection established?

    # @!method connecting?
    #   @return [Boolean]

    # @!method host
    #   @return [String, nil]

    # @!method port
    #   @return [Integer, nil]

    # @!method path
    #   @return [String, nil] of a unix socket

    # @!method server
    #   @return [String] "host:port" or the path

    # @!method loop
    #   @return [Loop]

    # @!method client_id
    #   @return [String, nil]

    # @!method coder
    #   @return [#dump, #load, nil] what makes bytes of values and values of bytes, unless a call has its own

    # @!method encoding
    #   @return [Encoding] of the bytes that come, unless a call has its own

    # @!method dialect
    #   @return [Symbol] `:gearmand`, `:perl` or `:unknown`, as of the last connection

    # @!method pending_count
    #   @return [Integer] requests written that await their first reply

    # @!method waiting_count
    #   @return [Integer] requests of which no byte was written

    # @!method active_count
    #   @return [Integer] foreground jobs between JOB_CREATED and their end

    # @!method unsent_bytes
    #   @return [Integer]

    # @!method stats
    #   Counters since the object was made; always `submitted == resolved + pending`.
    #   @return [Hash{Symbol => Integer}]

    # Seconds and flags that both ends of a connection know. See the README's table for each.
    DEFAULTS = {
      connect_timeout: 5, command_timeout: 30, heartbeat: 20, lost_check: 10, reconnect: true,
      reconnect_delay: 0.1, reconnect_max_delay: 2, max_reconnect_attempts: nil, keepalive: 60, io_priority: 0,
      exceptions: true, max_packet: 256 * 1024 * 1024, max_text: 64 * 1024 * 1024, max_unsent: 64 * 1024 * 1024
    }.freeze

    # Hooks that a constructor takes and a method sets.
    HOOKS = %i[on_error on_connect on_disconnect on_drain on_callback_error on_packet].freeze

    # Touches no network: it connects at {#connect}, at the first request, or when its loop runs.
    #
    # @param host [String, nil] name or address
    # @param port [Integer, nil]
    # @param path [String, nil] of a unix socket, instead of host and port
    # @param url [String, nil] "gearman://host:port", "unix:///path", "[::1]:4730" or "host:port", instead of those.
    #   With none of them: the first of the environment variable GEARMAN_SERVERS, else 127.0.0.1:4730
    # @param loop [Loop]
    # @param client_id [String, nil] see {#set_client_id}
    # @param coder [#dump, #load, nil] such as JSON: makes bytes of what is sent, and values of the bytes that come. With
    #   Marshal or YAML whoever can send a packet runs code of his here: choose what only makes data
    # @param encoding [Encoding, String, nil] of the bytes that come; without one they are BINARY
    # @param options [Hash] of {DEFAULTS} and {HOOKS}
    # @raise [ArgumentError] for an unknown option or an address that cannot be read
    def initialize(host: nil, port: nil, path: nil, url: nil, loop: Loop.default, client_id: nil, coder: nil,
                   encoding: nil, **options)
      unknown = options.keys - known_options
      raise ArgumentError, "unknown option: #{unknown.join(", ")}" unless unknown.empty?

      _init(loop, *Address.resolve(host: host, port: port, path: path, url: url))
      _set_coding(coder, encoding)
      _set_hook(:_trace, Trace.printer(self)) if Trace.wanted?
      options.each { |name, value| HOOKS.include?(name) ? _set_hook(name, value) : _set_option(name, value) }
      set_client_id(client_id) if client_id
    end

    # Starts to connect and does not wait. With an address, goes there from now on.
    #
    # @param host [String]
    # @param port [Integer]
    # @return [self]
    # @raise [ConnectionError] "already connected", when it is or is about to be by an earlier `connect`
    def connect(host = nil, port = nil)
      return _connect(host, port || Address::DEFAULT_PORT, nil) if host
      return _connect(self.host, port, nil) if port

      _connect(self.host, self.port, path)
    end

    # The same, to a unix socket.
    #
    # @param path [String]
    # @return [self]
    # @raise [ConnectionError] "already connected"
    def connect_unix(path)
      _connect(nil, nil, path)
    end

    # Writes what is owed, then disconnects for good; blocks are called before it returns. Idempotent.
    #
    # @param timeout [Numeric, nil] seconds to write what is owed
    # @return [nil]
    def close(timeout = 1)
      return @shared_with.close(timeout) if @shared_with

      _close(timeout)
      nil
    end

    # @return [Boolean]
    def closed? = state == :closed

    # Waits for the answer to an {#echo}.
    #
    # @param timeout [Numeric, nil] seconds
    # @return [Float] seconds it took
    # @raise [TimeoutError, ConnectionError]
    def ping(timeout = command_timeout)
      Seconds.check(timeout)
      start = self.loop.now
      echo("ping").value(timeout)
      self.loop.now - start
    end

    # Waits until nothing is unsent and no request awaits its first reply.
    #
    # @param timeout [Numeric, nil] seconds
    # @return [Boolean] false at the timeout
    # @raise [ConnectionError] "closed"
    def flush(timeout = nil) = _flush(timeout)

    # @!attribute [rw] connect_timeout
    #   @return [Float, nil] seconds for one address of the server, SYN to established
    # @!attribute [rw] command_timeout
    #   @return [Float, nil] seconds from the making of a request to its first reply
    # @!attribute [rw] heartbeat
    #   @return [Float, nil] seconds of silence before an ECHO, and before giving up on its answer
    # @!attribute [rw] keepalive
    #   @return [Float, nil] seconds of idleness before the kernel probes a TCP connection
    # @!attribute [rw] io_priority
    #   @return [Integer] -2 to 2: of its watcher, among those of the loop
    # @!attribute [rw] max_unsent
    #   @return [Integer] bytes that may wait to be written before requests are refused
    %i[connect_timeout command_timeout heartbeat keepalive io_priority max_unsent].each do |name|
      define_method(name) { _option(name) }
      define_method(:"#{name}=") { |value| _set_option(name, value) }
    end

    # @return [Boolean] is the option sent on every connect?
    def exceptions = _option(:exceptions)

    # Turns reconnecting on or off; nil leaves the rest as it is.
    #
    # @param enabled [Boolean]
    # @param delay [Numeric, nil] seconds: the first delay is drawn from 0 to this
    # @param attempts [Integer, nil] failures in a row before it gives up; 0 is no limit
    # @return [self]
    # @raise [ArgumentError]
    def reconnect(enabled, delay = nil, attempts = nil)
      Seconds.check(delay, "delay")
      _set_option(:max_reconnect_attempts, attempts) unless attempts.nil?
      _set_option(:reconnect_delay, delay) unless delay.nil?
      _set_option(:reconnect, enabled)
      self
    end

    # @return [Boolean]
    def reconnect? = _option(:reconnect)

    # @!method on_error
    #   With a block sets, without reads: called with an {Error} when a connection could not be made or ended,
    #   but not after our own {#disconnect}. Without one a line is printed (see {Configuration#logger}), once per cause
    #   and outage.
    # @!method on_connect
    #   Called when a connection was made; requests made in it go behind those that waited.
    # @!method on_disconnect
    #   Called when an open connection ended, after its Tasks.
    # @!method on_drain
    #   Called when, after a {BackpressureError}, less than a quarter of `max_unsent` waits to be written.
    # @!method on_callback_error
    #   Called with the exception that a block raised, and which block it was. Without one a line is printed.
    # @!method on_packet
    #   Called with each packet that was read or written: `:in` or `:out`, its name as in {Protocol} (`:text` for a line of
    #   the admin protocol) and an Array of its arguments, uncut. Runs among the other blocks, in order. With
    #   `EVGEARMAN_TRACE=1` in the environment each packet is printed to stderr too, one line, with long arguments cut.
    HOOKS.each do |name|
      define_method(name) { |&block| block ? _set_hook(name, block) : _hook(name) }
      define_method(:"#{name}=") { |callable| _set_hook(name, callable) }
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{server} #{state} pending=#{pending_count + waiting_count} active=#{active_count}>"
    end

    private

    def known_options = DEFAULTS.keys + HOOKS

    # Becomes another view of a Worker's connection.
    def share(worker)
      @shared_with = worker
      _share(worker)
    end

    # One line per cause and outage: a server that is away would fill a log. An outage ends when a server says something.
    def _report_error(error)
      heard = stats[:packets_in]
      @reported = [] if heard != @heard
      @heard = heard
      cause = [error.class, error.message]
      return if @reported.include?(cause)

      @reported << cause
      EVGearman._report(:warn, "evgearman: #{error.message} (#{error.server})")
    end
  end
end
