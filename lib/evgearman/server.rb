# frozen_string_literal: true

require "etc"
require "io/wait"

module EVGearman
  # A job server inside of this process, for development, tests and small installations: what gearmand answers, without
  # its bugs. It keeps its jobs in memory.
  #
  #     server = EVGearman::Server.new.start
  #     client = EVGearman::Client.new(url: server.url)
  #     …
  #     server.stop
  #
  # It serves on a native thread of its own, which runs no Ruby code and does not wait for Ruby: neither disturbs the other.
  # All methods may be called from any thread. A forked child has no server, and its parent's goes on: start it behind
  # `Process.daemon`. An object that nobody refers to any more stops.
  class Server
    # A job: `handle`, `function`, `unique` key or nil, `workload`; `priority` `:high`, `:normal` or `:low`; `state`
    # `:queued`, `:delayed` or `:running`; whether it is of the `background`; how many submissions are told of it
    # (`waiters`); how often it came back to the queue (`attempts`); `numerator` and `denominator` of its last status.
    Job = Struct.new(:handle, :function, :unique, :workload, :priority, :state, :background, :waiters, :attempts,
                     :numerator, :denominator) do
      # Is it to run though nobody waits for it?
      #
      # @return [Boolean]
      def background? = background
    end

    # What it is made with, unless an option says otherwise.
    DEFAULTS = {
      max_connections: 1000, max_buffer: 64 * 1024 * 1024, max_jobs: 1_000_000, max_functions: 10_000,
      max_packet: 64 * 1024 * 1024, job_retries: nil, worker_wakeup: 0, round_robin: true, allow_shutdown: false
    }.freeze

    # What real servers do wrong, and this one does if `quirks:` names it: one by one, or all that one of them does
    # (`:gearmand_1_1_20`, `:gearmand_2_0`, `:perl_server`).
    QUIRKS = (_quirk_names + %i[gearmand_1_1_20 gearmand_2_0]).freeze

    PREFIX = /\A[!-~]{1,42}\z/
    private_constant :PREFIX

    # @!method running?
    #   Does it serve? Not in a forked child.
    #   @return [Boolean]

    # @!method stats
    #   Numbers of what there is, and of what there was since the object was made, over all starts.
    #
    #   - `connections`, and of them `workers`, which can do something; `functions`.
    #   - `jobs_queued`, `jobs_delayed` (their time has not come), `jobs_running`; `memory`, the bytes that these take.
    #   - `connections_accepted`; `connections_refused`, for want of room; `connections_cut`, which were ended for what
    #     they said, or because they did not read.
    #   - `jobs_submitted`; `jobs_joined`, submissions that joined one; `jobs_refused`, for want of room;
    #     `jobs_completed`, `jobs_failed`, by workers.
    #   - `packets_in`, `packets_out` (lines of text too), `bytes_in`, `bytes_out`.
    #
    #   @return [Hash{Symbol => Integer}]

    # @!method pause
    #   For tests: does nothing from now on, as a process that is stopped. Connections are made by the kernel, and what is
    #   said lies there.
    #   @return [self]

    # @!method resume
    #   Ends {#pause}.
    #   @return [self]

    # Touches no network: that is for {#start}.
    #
    # @param host [String, nil] name or IP address; nil: 127.0.0.1
    # @param port [Integer, nil] 0 or nil: one that is free
    # @param path [String, nil] of a unix socket, instead of host and port. Only this user may connect to it. What a server
    #   that died has left there is replaced; anything else is not
    # @param tls [Hash, nil] TLS 1.2 and 1.3: `cert_file:` (PEM, and behind the certificate what stands between it and its
    #   CA), `key_file:` (nil: in the same file); with `verify_clients: true` only those may connect who have a certificate
    #   of one in `ca_file:`. Files are read again when they have changed, and nobody who is connected notices
    # @param quirks [Array<Symbol>, Symbol] of {QUIRKS}
    # @param handle_prefix [String, nil] of the handles of jobs; nil: "H:" and the name of this machine
    # @param allow_remote [Boolean] may others than this machine connect? There is no password: who can connect can do
    #   everything
    # @param options [Hash]
    # @option options [Integer] :max_connections (1000) more are closed at once
    # @option options [Integer] :max_buffer (64 MiB) bytes that may wait for one who does not read; then it is cut off.
    #   Who asks for a longer list is, too
    # @option options [Integer] :max_jobs (1_000_000) queued and running; more are refused
    # @option options [Integer] :max_functions (10_000)
    # @option options [Integer] :max_packet (64 MiB) a larger submission is refused
    # @option options [Integer, nil] :job_retries (nil) a job that came back so often, because its worker went away,
    #   fails; nil: never
    # @option options [Integer] :worker_wakeup (0) sleeping workers that one job wakes; 0: all that can do it
    # @option options [Boolean] :round_robin (true) do the functions of a worker take turns? Else one is drained before the
    #   next
    # @option options [Boolean] :allow_shutdown (false) may clients end it, by `shutdown`?
    # @raise [ArgumentError, TypeError]
    def initialize(host: nil, port: nil, path: nil, tls: nil, quirks: [], handle_prefix: nil, allow_remote: false, **options)
      unknown = options.keys - DEFAULTS.keys
      EVGearman._blame("unknown option: #{unknown.join(", ")}") unless unknown.empty?
      EVGearman._blame("give either host: and port: or path:") if path && (host || port)
      EVGearman._blame("tls: is not for unix sockets") if path && tls

      set_place(host, port, path)
      @allow_remote = allow_remote
      Array(quirks).each { |name| add_quirk(name) }
      DEFAULTS.merge(options).each { |name, value| _set_option(name, value) }
      @tls = TLS.of_server(tls)
      _init(check_prefix(handle_prefix), "#{VERSION}+evgearman", @tls) # a number first, as others have it
    end

    # Listens when it returns, and serves from now on; one that runs already stays as it is. After {#stop} it is at the same
    # port again, with no jobs.
    #
    # @return [self]
    # @raise [SystemCallError] when it cannot listen there: the port is in use, there is no such directory
    # @raise [SocketError] when the host cannot be resolved
    # @raise [ArgumentError] for a host that others can reach, without `allow_remote:`
    def start
      place = literal
      reader, writer = IO.pipe
      reader = @ended.tap { @ended = reader } if _start(place, port || 0, path, writer.fileno)
      self
    ensure
      reader&.close
      writer&.close
    end

    # Listens no more, writes what is owed, and closes all connections. Jobs are forgotten. Idempotent.
    #
    # @param timeout [Numeric, nil] seconds for those who do not read what is owed to them: then they are cut off; nil is no
    #   limit
    # @return [self]
    # @raise [ArgumentError] for a time that is none
    def stop(timeout = 1)
      limit = Seconds.check(timeout)
      return self unless running?

      begin
        _drain(limit)
        wait
      ensure
        _end
      end
      self
    end

    # Serves in the foreground until TERM or INT, {#stop}, {#kill}, or the `shutdown` of a client. A second signal does not
    # wait for those who do not read. A trap that was there before is called too, unless it was the default.
    #
    # @param signals [Boolean] do TERM and INT end it?
    # @yield [server] once, as soon as it serves: for who tells others where it is, and may be sent a signal by them
    # @yieldreturn [void]
    # @return [nil]
    # @raise (see #start)
    def run(signals: true, &block)
      @signals = 0
      signals ? Signals.while_listening(self) { serve(&block) } : serve(&block)
    ensure
      _end
    end

    # For tests: ends as a crash would. Every connection is cut without a word, all jobs are forgotten, and who connects is
    # refused until {#restart} or {#start}.
    #
    # @return [self]
    def kill = _end

    # {#kill} and {#start}: at the same port, and handles begin at 1.
    #
    # @return [self]
    # @raise (see #start)
    def restart = kill.start

    # For tests: what is written from now on leaves so much later, on each connection.
    #
    # @param seconds [Numeric, nil] 0 or nil: at once
    # @return [self]
    # @raise [ArgumentError] for a time that is none
    def delay(seconds) = _delay(Seconds.limit(seconds, "seconds") || 0)

    # For tests: the next packet of that name is lost. What is read is not done; what is written is not sent. Said again it
    # is one more.
    #
    # @param packet_name [Symbol] as in {Protocol::COMMANDS}
    # @return [self]
    # @raise [ArgumentError] when there is none of that name
    def drop_next(packet_name) = _lose(number_of(packet_name))

    # For tests: requests of that name are not done, and answered by ERROR.
    #
    # @param packet_name [Symbol] as in {Protocol::COMMANDS}
    # @param code [String, nil] such as "QUEUE_ERROR"; nil: they are done again
    # @param text [String]
    # @return [self]
    # @raise [ArgumentError] when there is none of that name
    def refuse(packet_name, code, text = "") = _refuse(number_of(packet_name), code, text)

    # The jobs that are queued or running, in the order of their submission.
    #
    # @return [Array<Job>] frozen rows
    def jobs = _jobs.sort_by(&:first).map { |_, *columns| Job.new(*columns).freeze }

    # @return [String, nil] name or address that it was given; nil for a unix socket
    attr_reader :host

    # @return [String, nil] of a unix socket
    attr_reader :path

    # The port that it listens at; also after it has ended.
    #
    # @return [Integer, nil] nil for a unix socket, and while it is not known: before the first {#start} at any free one
    def port
      return if path

      known = _port
      known.zero? ? @port : known
    end

    # Where it is, as {Client#initialize} takes it.
    #
    # @return [String, nil] "gearman://127.0.0.1:4730", "gearmans://127.0.0.1:4730", "unix:///path"; nil while there is no
    #   port
    def url
      return "unix://#{path}" if path

      "gearman#{"s" if @tls}://#{host.include?(":") ? "[#{host}]" : host}:#{port}" if port
    end

    # @return [String] for people to read
    def inspect = Words.show(self) { [url, running? ? :running : :stopped] }

    private

    def set_place(host, port, path)
      @path = path && File.expand_path(Address.path_name(path)).freeze
      @host = (Address.host_name(host) || Address::DEFAULT_HOST).dup.freeze unless path
      @port = checked_port(Address.port_number(port))
    end

    # Which one is free is known later.
    def checked_port(port)
      return if port.nil? || port == 0
      return port if port.is_a?(Integer) && port.between?(1, 65_535)

      EVGearman._blame("port: must be a whole number from 0 to 65535, not #{port.inspect}")
    end

    def add_quirk(name)
      return if name.is_a?(Symbol) && _add_quirk(name.name)

      EVGearman._blame("unknown quirk #{name.inspect}: known are #{QUIRKS.join(", ")}")
    end

    def check_prefix(prefix)
      return "H:#{Etc.uname[:nodename]}"[0, 42] if prefix.nil?
      return prefix if prefix.is_a?(String) && prefix.match?(PREFIX)

      EVGearman._blame("handle_prefix: must be 1 to 42 printable ASCII characters without spaces")
    end

    # The address to listen at; nil: a path.
    def literal
      return if path

      address = self.class.send(:_local?, host).nil? ? resolve : host
      return address if @allow_remote || self.class.send(:_local?, address)

      EVGearman._blame("host: #{host} can be reached from other machines: if that is meant, allow_remote: true")
    end

    def resolve
      require "socket"
      IPSocket.getaddress(host)
    end

    def number_of(packet_name)
      Protocol::COMMANDS.dig(packet_name, :number) or EVGearman._blame("unknown packet #{packet_name.inspect}")
    end

    # A signal that comes while it starts ends it, too.
    def serve
      start
      yield self if block_given?
      _drain(1.0) if @signals.positive?
      wait
    end

    # Until its thread has ended.
    def wait
      @ended.wait_readable while running?
    rescue IOError # it was started again, and has another one now
      retry
    end

    # A TERM or INT came. Answers the threads that are to be interrupted: none.
    def signalled
      @signals += 1
      _drain(@signals == 1 ? 1.0 : 0.0)
      []
    end
  end
end
