# frozen_string_literal: true

module EVGearman
  # What {Client} and {Worker} have in common: a connection to each of their servers, mostly one, made when it is needed and
  # made again when it is lost.
  #
  # Of several servers one is *away* from a failed attempt or a lost connection until a connection to it is open again and
  # has been answered. Nothing is sent to one that is away while another is not. What is asked of all of them succeeds with
  # what those answer that are not away.
  #
  # Methods whose packet draws a reply return a {Task} and take an optional block `{ |value, error| }`; it is called once,
  # on the thread that turns the loop.
  #
  # All methods may be called from any thread. Once it is closed, whatever would ask something of the server raises
  # {ConnectionError} "closed". Bytes are Strings (or have `to_str`), else TypeError; they are copied before the call
  # returns.
  class Connection
    # @!method echo(data)
    #   Sends ECHO_REQ, to all of several servers. The answer tells that all that was sent before has been taken in.
    #   @param data [String] bytes
    #   @yield [data, error]
    #   @return [Task] of the same bytes, BINARY
    #   @raise [ConnectionError] "closed"
    #   @raise [BackpressureError]
    #   @raise [PacketTooLargeError]

    # @!method set_client_id(id)
    #   Sends SET_CLIENT_ID, now and on every connect: what the server lists under `workers`.
    #   @param id [String] 1 to 63 printable ASCII characters without spaces
    #   @return [self]
    #   @raise [ArgumentError, TypeError, ConnectionError]

    # @!method option(name)
    #   Sends OPTION_REQ, now and on every connect.
    #   @param name [String] "exceptions" is the only one that gearmand knows
    #   @yield [true, error]
    #   @return [Task] of true; fails with {ServerError} for an option that the server does not know
    #   @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]

    # @!method pause_reading
    #   Reads nothing from the server until {#resume_reading}: what it sends piles up there. Meanwhile there are no
    #   heartbeats, and no questions about silent jobs; requests and jobs still have their timeouts.
    #   @return [self]

    # @!method resume_reading
    #   Ends {#pause_reading}.
    #   @return [self]

    # @!method disconnect
    #   Every Task fails with DisconnectedError "disconnected" before this returns; blocks run in the next turn.
    #   Down until {#connect} or the next request. Idempotent.
    #   @return [self]

    # @!method state
    #   How it stands with the connection: `:idle`, `:connecting`, `:connected`, `:waiting` (to connect again), `:closed`. Of
    #   several the best of these.
    #   @return [Symbol]

    # @!method connected?
    #   Is a connection established?
    #   @return [Boolean]

    # @!method connecting?
    #   Is one being made, or about to be?
    #   @return [Boolean]

    # @!method host
    #   @return [String, nil] name or address of the server, or of the first; nil for a unix socket

    # @!method port
    #   @return [Integer, nil] of the server; nil for a unix socket

    # @!method path
    #   @return [String, nil] of a unix socket

    # @!method server
    #   Where the server is, in one word; IPv6 addresses in brackets. Several with commas between them.
    #   @return [String] "host:port" or the path

    # @!method servers
    #   Where they are.
    #   @return [Array<String>] each as of {#server}; frozen

    # @!method loop
    #   @return [Loop] that it is on

    # @!method client_id
    #   @return [String, nil] see {#set_client_id}

    # @!method coder
    #   @return [#dump, #load, nil] what makes bytes of values and values of bytes, unless a call has its own

    # @!method encoding
    #   @return [Encoding] of the bytes that come, unless a call has its own

    # @!method dialect
    #   Which server it is: as the option says, else as of the last connection, told by its answer to `version`. One that
    #   knows no text lines is spoken to as gearmand.
    #   @return [Symbol] `:gearmand`, `:perl` or `:unknown`

    # @!method pending_count
    #   Requests that were written and await their first reply. What the gem asks for itself does not count.
    #   @return [Integer]

    # @!method waiting_count
    #   Requests of which no byte was written.
    #   @return [Integer]

    # @!method active_count
    #   Foreground jobs between JOB_CREATED and their end.
    #   @return [Integer]

    # @!method unsent_bytes
    #   Bytes that wait to be written.
    #   @return [Integer]

    # @!method stats
    #   Counters since the object was made, over all its connections; always `submitted == resolved + pending`.
    #
    #   - `submitted`, `resolved`, `pending`: requests that were made, that ended (well or not), that have not ended.
    #   - `bytes_in`, `bytes_out`: bytes read from and written to the socket.
    #   - `packets_in`, `packets_out`: packets and answers in text, read and queued.
    #   - `reconnects`: connections but the first.
    #   - `ignored_packets`: packets about jobs that are not known here.
    #   - `refused_jobs`: jobs that were failed because their function has no handler, or they were larger than `max_packet`.
    #   - `read_capacity`, `write_capacity`: bytes that the buffers hold now. These two go down, too.
    #
    #   @return [Hash{Symbol => Integer}]

    # Seconds and flags that both ends of a connection know. See docs/options.md for each.
    DEFAULTS = {
      connect_timeout: 5, command_timeout: 30, heartbeat: 20, lost_check: 10, reconnect: true,
      reconnect_delay: 0.1, reconnect_max_delay: 2, max_reconnect_attempts: nil, keepalive: 60, io_priority: 0,
      exceptions: true, dialect: nil, max_packet: 256 * 1024 * 1024, max_text: 64 * 1024 * 1024,
      max_unsent: 64 * 1024 * 1024
    }.freeze

    # Hooks that a constructor takes and a method sets: each is called on the thread that turns the loop.
    HOOKS = %i[on_error on_connect on_disconnect on_drain on_callback_error on_packet].freeze

    # Those that print a line when nobody has set them.
    LOUD = %i[on_error on_callback_error].freeze
    private_constant :LOUD

    # Of several servers, which a submission goes to. See docs/routes.md.
    ROUTES = %i[spread first].freeze
    private_constant :ROUTES

    # Touches no network: it connects at {#connect}, at the first request, or when its loop runs.
    #
    # @param servers [Array<String>, String, nil] several, each an address as in `url`; in a String with commas. Doubles
    #   are one
    # @param route [:spread, :first, #call] which of several a submission goes to, past those that are away:
    #
    #   - `:spread`: one with a unique key of yours to the server that its function and key meet, from wherever; the others
    #     by turns
    #   - `:first`: the first of the list
    #   - else what `call(function, key or nil, servers that are not away)` answers, one of these
    #
    # @param host [String, nil] name or address
    # @param port [Integer, nil]
    # @param path [String, nil] of a unix socket, instead of host and port
    # @param url [String, nil] "gearman://host:port", "gearmans://host:port" (TLS), "unix:///path", "[::1]:4730" or
    #   "host:port", instead of those. With none of them: all of the environment variable GEARMAN_SERVERS, else
    #   127.0.0.1:4730
    # @param tls [Boolean, Hash, nil] TLS 1.2 or 1.3, unless the address says otherwise: "gearmans://" always, "gearman://"
    #   and unix sockets never. The server's certificate has to be valid, of one whom this side trusts, and made out to its
    #   name or IP address. true, or what of it is to be otherwise:
    #
    #   - `ca_file:`, `ca_path:` (a folder as `openssl rehash` makes it): whom to trust, instead of whom the system does
    #   - `cert_file:`, `key_file:` (nil: in the same file): the certificate by which the server knows this side
    #   - `hostname:` that the certificate is made out to, if it is not that of the address
    #   - `verify: false`: anybody may pass for the server. Is warned of, once
    #   - `min_version: "1.3"`
    #
    #   Files are PEM, and read again for a new connection when they have changed
    # @param loop [Loop]
    # @param client_id [String, nil] see {#set_client_id}
    # @param coder [#dump, #load, nil] such as JSON: makes bytes of what is sent, and values of the bytes that come. With
    #   Marshal or YAML whoever can send a packet runs code of his here: choose what only makes data
    # @param encoding [Encoding, String, nil] of the bytes that come; without one they are BINARY
    # @param unique [:auto, nil] of background and delayed jobs whose submission has none: `:auto` makes a key for each, nil
    #   sends none. A persistent queue needs keys; one in memory is faster without
    # @param options [Hash] of {DEFAULTS} and {HOOKS}
    # @raise [ArgumentError] for an unknown option, an address that cannot be read, or files of `tls` that cannot
    # @raise [TLSError] for `tls` when the gem was built without OpenSSL
    def initialize(servers: nil, route: :spread, host: nil, port: nil, path: nil, url: nil, tls: nil, loop: Loop.default,
                   client_id: nil, coder: nil, encoding: nil, unique: :auto, **options)
      unknown = options.keys - known_options
      EVGearman._blame("unknown option: #{unknown.join(", ")}") unless unknown.empty?

      places = places_of(servers: servers, host: host, port: port, path: path, url: url)
      _init(checked_loop(loop), places)
      _set_tls(places.map { |*, secure| TLS.of_client(tls, secure) })
      _set_route(checked_route(route))
      _set_coding(coder, encoding)
      _set_unique(unique)
      _set_hook(:_trace, Trace.printer(self)) if Trace.wanted?
      LOUD.each { |name| set_hook(name, :default) }
      options.each { |name, value| HOOKS.include?(name) ? set_hook(name, value) : _set_option(name, value) }
      set_client_id(client_id) if client_id
      _loop_runs if self.loop.running?
    end

    # A Client for one of the servers, on the same connection, with every method. Its options are those of this connection,
    # its hooks and its coder those of the whole. What it submits stays there. Closing the whole closes it.
    #
    # @param server [String] one of {#servers}, or another spelling of it
    # @return [Client]
    # @raise [ArgumentError] for one that is none of them
    def at(server)
      place = servers.index(server) || servers.index(Address.text(server))
      EVGearman._blame("#{server} is none of the servers: #{servers.join(", ")}") unless place

      _at(place).tap { |one| one.send(:part!) }
    end

    # Starts to connect and does not wait. With an address, goes there from now on; not one of several.
    #
    # @param host [String]
    # @param port [Integer]
    # @return [self]
    # @raise [ConnectionError] "already connected", when it is or is about to be by an earlier `connect`
    # @raise [ArgumentError] for another address, when there are several servers
    def connect(host = nil, port = nil)
      return _connect unless host || port

      stay if several?
      _connect_to(Address.host_name(host) || self.host, Address.port_number(port) || Address::DEFAULT_PORT, nil)
    end

    # The same, to a unix socket.
    #
    # @param path [String]
    # @return [self]
    # @raise [ConnectionError] "already connected"
    # @raise [ArgumentError] when there are several servers
    def connect_unix(path)
      stay if several?
      _connect_to(nil, nil, Address.path_name(path))
    end

    # Writes what is owed, also what still waits for a connection, and waits until it has arrived; then disconnects for
    # good. Blocks are called before it returns. Replies are not waited for: see {#flush}. Idempotent.
    #
    # @param timeout [Numeric, nil] seconds to write what is owed; nil is no limit, 0 does not wait for that
    # @return [nil]
    # @raise [ArgumentError] for a time that is none
    # @raise [Error] for what {#at} made
    def close(timeout = 1)
      raise Error, "#{server} is one of several servers: close the whole" if @part
      return _whole.close(timeout) if _whole

      _close(timeout)
      nil
    end

    # Was it closed for good?
    #
    # @return [Boolean]
    def closed? = state == :closed

    # Waits for the answer to an {#echo}, of several servers for the slowest.
    #
    # @param timeout [Numeric, nil] seconds; nil waits for ever, 0 does not wait
    # @return [Float] seconds it took
    # @raise [ArgumentError] for a time that is none
    # @raise [TimeoutError, ConnectionError, BackpressureError]
    def ping(timeout = command_timeout)
      limit = Seconds.check(timeout)
      start = self.loop.now
      echo("ping").value(limit)
      self.loop.now - start
    end

    # Waits until nothing is unsent and no request awaits its first reply.
    #
    # @param timeout [Numeric, nil] seconds
    # @return [Boolean] false at the timeout
    # @raise [ConnectionError] "closed"
    def flush(timeout = nil) = _flush(timeout)

    # @!attribute [rw] connect_timeout
    #   @return [Float, nil] seconds for its name to be resolved, and for one address of the server, SYN to established
    #   @raise [ArgumentError] when set to what is none
    # @!attribute [rw] command_timeout
    #   @return [Float, nil] seconds that a request may wait to be written, from when it was made: then it fails with
    #     `delivery: :not_sent` and never goes out. Once it is written: seconds of silence, from then or from the last reply
    #     to any request. Was the connection silent, it is closed; if other things came, that request fails alone. What
    #     passes while a packet arrives, or leaves through a full socket, and moves, is judged when that is through
    #   @raise [ArgumentError] when set to what is none
    # @!attribute [rw] heartbeat
    #   @return [Float, nil] seconds of silence before an ECHO, and before giving up on its answer; put off as by
    #     {#command_timeout}
    #   @raise [ArgumentError] when set to what is none
    # @!attribute [rw] keepalive
    #   @return [Float, nil] seconds of idleness before the kernel probes a TCP connection
    #   @raise [ArgumentError] when set to what is none
    # @!attribute [rw] io_priority
    #   @return [Integer] -2 to 2: of its watcher, among those of the loop
    #   @raise [ArgumentError] when set to what is none
    # @!attribute [rw] max_unsent
    #   @return [Integer] bytes that may wait to be written before requests are refused
    #   @raise [ArgumentError] when set to what is none
    %i[connect_timeout command_timeout heartbeat keepalive io_priority max_unsent].each do |name|
      define_method(name) { _option(name) }
      define_method(:"#{name}=") { |value| _set_option(name, value) }
    end

    # Is OPTION_REQ "exceptions" sent on every connect (by a client), and WORK_EXCEPTION for a handler's (by a worker)?
    #
    # @return [Boolean]
    def exceptions = _option(:exceptions)

    # Turns reconnecting on or off; nil leaves the rest as it is. What waits for a connection that is not to be made any
    # more fails at once.
    #
    # @param enabled [Boolean]
    # @param delay [Numeric, nil] seconds: the first delay is drawn from 0 to this
    # @param attempts [Integer, nil] failures in a row before it gives up; 0 is no limit
    # @return [self]
    # @raise [ArgumentError]
    def reconnect(enabled, delay = nil, attempts = nil)
      Seconds.check(delay, "delay")
      unless attempts.nil? || (attempts.is_a?(Integer) && attempts.between?(0, 1_000_000))
        EVGearman._blame("attempts must be a whole number from 0 to 1000000")
      end

      _set_option(:max_reconnect_attempts, attempts) unless attempts.nil?
      _set_option(:reconnect_delay, delay) unless delay.nil?
      _set_option(:reconnect, enabled)
      self
    end

    # Does it connect again when it is lost?
    #
    # @return [Boolean]
    def reconnect? = _option(:reconnect)

    # Each is also an attribute: `client.on_error = callable`; nil is silence, `:default` what it is without a word.
    #
    # @!method on_error
    #   With a block sets, without reads: called with an {Error} when a connection could not be made or ended,
    #   but not after our own {#disconnect}. Without one a line is printed (see {Configuration#logger}), once per cause
    #   and outage.
    #   @yield [error]
    #   @return [self, #call, nil] self with a block; without one what is set
    # @!method on_connect
    #   Called when a connection was made; requests made in it go behind those that waited.
    #   @yield [server]
    #   @return [self, #call, nil] self with a block; without one what is set
    # @!method on_disconnect
    #   Called when an open connection ended, after its Tasks.
    #   @yield [server]
    #   @return [self, #call, nil] self with a block; without one what is set
    # @!method on_drain
    #   Called when, after a {BackpressureError}, less than a quarter of `max_unsent` waits to be written.
    #   @yield
    #   @return [self, #call, nil] self with a block; without one what is set
    # @!method on_callback_error
    #   Called with the exception that a block raised, and which block it was ("on_data", "job reverse H:vm:3" …: function
    #   and handle); also with a {JobTimeoutError} when a job was not done within the `timeout:` of its function. Without
    #   one a line is printed, once for each cause, and again after a minute with how often it came meanwhile.
    #   @yield [exception, where]
    #   @return [self, #call, nil] self with a block; without one what is set
    # @!method on_packet
    #   Called with each packet that was read or written: `:in` or `:out`, its name as in {Protocol} (`:text` for a line of
    #   the admin protocol) and an Array of its arguments, uncut. Runs among the other blocks, in order. With
    #   `EVGEARMAN_TRACE=1` in the environment each packet is printed to stderr too, one line, with long arguments cut.
    #   @yield [direction, name, args, server] the server only where four are named
    #   @return [self, #call, nil] self with a block; without one what is set
    HOOKS.each do |name|
      define_method(name) { |&block| block ? _set_hook(name, block) : _hook(name) }
      define_method(:"#{name}=") { |callable| set_hook(name, callable) }
    end

    # @return [String] for people to read
    def inspect
      Words.show(self) { [server, state, "pending=#{pending_count + waiting_count}", "active=#{active_count}"] }
    end

    private

    # A hook, nil for silence, or `:default`.
    def set_hook(name, callable)
      _set_hook(name, callable == :default ? default_hook(name) : callable)
    end

    def default_hook(name)
      case name
      when :on_error then method(:_report_error)
      when :on_callback_error then EVGearman.method(:_warn_callback_error)
      end
    end

    def known_options = DEFAULTS.keys + HOOKS

    def places_of(**given) = Address.list(**given)

    def checked_loop(loop)
      loop.is_a?(Loop) ? loop : EVGearman._blame("loop: must be a Loop, not #{loop.class}", TypeError)
    end

    def checked_route(route)
      return route if ROUTES.include?(route) || (!route.is_a?(Symbol) && route.respond_to?(:call))

      EVGearman._blame("route: must be :spread, :first or answer `call`, unlike #{route.inspect}")
    end

    def part! = @part = true

    # Its links are several, or it is one of them.
    def several? = servers.size > 1 || @part

    def stay = EVGearman._blame("one of several servers goes nowhere else: give `servers:` anew")

    # One line per cause and outage: a server that is away would fill a log. An outage ends when a server says something.
    def _report_error(error)
      heard = heard_from(error.server)
      @reported = {} unless @reported
      causes = (@reported[error.server] || []).then { |known_at, *known| known_at == heard ? known : [] }
      cause = [error.class, error.message]
      @reported[error.server] = [heard, *causes, cause]
      EVGearman._report(:warn, "evgearman: #{Words.one_line(error.message)}") unless causes.include?(cause)
    end

    # Packets.
    def heard_from(server) = (several? ? at(server) : self).stats[:packets_in]
  end
end
