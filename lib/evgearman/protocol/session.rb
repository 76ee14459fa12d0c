# frozen_string_literal: true

module EVGearman
  module Protocol
    # What {ClientSession} and {WorkerSession} have in common: the gem's own end of a connection, without the connection.
    #
    # It knows no socket, no thread and no clock. Its user says that a transport is there ({#opened}), carries bytes
    # ({#output}, {#feed}), tells the time ({#tick}), and says when the transport is gone ({#closed}). Everything else is
    # as with {Client} and {Worker}: whose reply a packet is, timeouts, heartbeats, what waits for the next connection.
    #
    #     socket = TCPSocket.new("127.0.0.1", 4730)
    #     session = EVGearman::Protocol::ClientSession.new
    #     request = session.submit_job("reverse", "hello")
    #     session.opened
    #     until request.done?
    #       socket.write(session.output)
    #       session.feed(socket.readpartial(65_536))
    #     end
    #     request.value # => "olleh"
    #
    # ## Events
    #
    # {#opened}, {#feed}, {#tick}, {#closed}, {#open_failed} and {#disconnect} tell what came of it: to their block, one
    # after the other, or without one as an Array. An event is a name and what it is about, here as the block gets it.
    #
    # Of requests:
    #
    # - `:done, request, value, error`: every request, once; one of the two is nil. Its own block is called just before.
    # - `:created, request, handle`: a foreground job, when the server has it (JOB_CREATED).
    # - `:data, request, bytes` and `:warning, request, bytes`: a foreground job, from its worker; BINARY.
    # - `:status, request, numerator, denominator`: the same, Strings of digits if the worker does as it should.
    # - `:exception, request, bytes`: the same; the job ends by it, so `:done` follows.
    #
    # Of a worker:
    #
    # - `:assigned, job`: here is a {WorkerSession::Job}; answer it now or later.
    # - `:refused, handle`: a job that is larger than `max_packet:` was failed, and nothing else is known of it.
    # - `:lost, job`: its connection ended before it was answered. The server gives it to somebody else.
    # - `:expired, job`: the `timeout:` of its function was over, and it was failed.
    # - `:idle`: it goes to sleep, for there was no job.
    # - `:stopped`: after `work_stop` or `work_one` nothing is left.
    #
    # Of the transport:
    #
    # - `:connected`: {#opened} was called.
    # - `:disconnected`: it was open and is not any more. The `:done` and `:lost` of what it took along come before that.
    # - `:error, error`: it ended, or could not be made, and that was not {#disconnect}: {DisconnectedError},
    #   {ConnectError}, {ReconnectExhaustedError}, {ProtocolError} or {CommandTimeoutError}. Comes last.
    # - `:drained`: after a {BackpressureError} less than a quarter of `max_unsent:` is to be written.
    #
    # The block may do anything: make requests, answer jobs, feed, raise, break. An event has left the session when the
    # block sees it; what is behind it comes with the next call.
    #
    # ## A transport
    #
    # With a clock and reconnects its user goes round like this, in whatever way it waits:
    #
    #     loop do
    #       session.opened(&told) if session.wants_open? && (socket = connect_somehow)  # failed: session.open_failed(reason)
    #       session.output { |bytes| socket.write_nonblock(bytes, exception: false) } if socket
    #       wait_until_readable_writable_or(session.deadline)     # writable: as long as output answered false
    #       bytes = read_what_there_is                            # end of stream: session.closed; an error: closed(error)
    #       session.feed(bytes, &told) if bytes
    #       session.tick(Process.clock_gettime(Process::CLOCK_MONOTONIC), &told)
    #     end
    #
    # ## When it breaks
    #
    # A stream that cannot be gone on with is told by raising, from the call that met it: {ProtocolError} when the server
    # sent what it may not, {CommandTimeoutError} when a reply or a heartbeat is overdue. By then all is as after
    # {#closed}: every request that was written has failed, once, and been told. Close the transport.
    #
    # ## Threads
    #
    # Use a session from one thread at a time.
    class Session
      # What a session knows of {Connection::DEFAULTS}.
      OPTIONS = (Connection::DEFAULTS.keys - %i[connect_timeout keepalive io_priority]).freeze

      PIECE = 64 * 1024
      private_constant :PIECE

      # @!method open?
      #   @return [Boolean] is there a transport?

      # @!method wants_open?
      #   Requests wait, or a worker wants to work, and the delay after the last failure is over. Whoever has a transport
      #   may call {#opened} also when this is false.
      #   @return [Boolean]

      # @!method deadline
      #   @return [Float, nil] when to call {#tick} (or look at {#wants_open?}) at the latest; nil for never

      # @!method echo(data)
      #   Sends ECHO_REQ.
      #   @param data [String] bytes
      #   @yield [data, error]
      #   @return [Request] of the same bytes
      #   @raise [BackpressureError, PacketTooLargeError]

      # @!method option(name)
      #   Sends OPTION_REQ, now and on every connect.
      #   @param name [String]
      #   @yield [true, error]
      #   @return [Request] of true
      #   @raise [ArgumentError, BackpressureError]

      # @!method set_client_id(id)
      #   Sends SET_CLIENT_ID, now if open, and on every connect.
      #   @param id [String] 1 to 63 printable ASCII characters without spaces
      #   @return [self]
      #   @raise [ArgumentError]

      # @!method client_id
      #   @return [String, nil]

      # @!method dialect
      #   @return [Symbol] `:gearmand`, `:perl` or `:unknown`, as of the last connection

      # @!method pending_count
      #   @return [Integer] requests written that await their first reply

      # @!method waiting_count
      #   @return [Integer] requests of which no byte was taken by {#output}

      # @!method active_count
      #   @return [Integer] foreground jobs between JOB_CREATED and their end

      # @!method unsent_bytes
      #   @return [Integer] bytes that {#output} has to give

      # @!method stats
      #   Counters since the session was made, as of {Connection#stats}: `bytes_out` are those that {#output} gave.
      #   @return [Hash{Symbol => Integer}]

      # @param now [Numeric] where its time begins: seconds of any clock that does not go backwards, the same that {#tick}
      #   will have. 0 does for a test that makes its own time. {#deadline} is in these seconds, too
      # @param client_id [String, nil] see {#set_client_id}
      # @param options [Hash] of {OPTIONS}; {WorkerSession} knows also {Worker::WORKER_DEFAULTS}
      # @raise [ArgumentError] for an option that it does not know, and a time that is none
      def initialize(now: Process.clock_gettime(Process::CLOCK_MONOTONIC), client_id: nil, **options)
        unknown = options.keys - known_options
        EVGearman._blame("unknown option: #{unknown.join(", ")}") unless unknown.empty?

        @untold = []
        _init(now)
        options.each { |name, value| _set_option(name, value) }
        set_client_id(client_id) if client_id
      end

      # The transport is established: told by `:connected`. What every connection begins with is queued ("version",
      # SET_CLIENT_ID, OPTION_REQ, CAN_DO), in front of what waited: take it from {#output}. A connection counts as a
      # success, and the delays begin anew, when something that was asked has been answered.
      #
      # @yield (see #events)
      # @return (see #events)
      # @raise [ConnectionError] "already connected"
      def opened(&block)
        _opened
        events(&block)
      end

      # No transport could be made: told by `:error` and a {ConnectError} "connect failed: …" with the reason. What waits
      # goes on waiting, and {#wants_open?} is true again after a delay ({#deadline} says when), unless `reconnect` is off
      # or the attempts are used up: then it fails by `:done`.
      #
      # @param reason [String, Exception, nil] what the system said; of an Exception its message
      # @yield (see #events)
      # @return (see #events)
      # @raise [ConnectionError] "already connected"
      def open_failed(reason = nil, &block)
        _open_failed(words_of(reason))
        events(&block)
      end

      # The transport is gone: told by `:disconnected`, and by `:error` with {DisconnectedError} "connection failed: …" and
      # the reason, or "connection closed by server". What was written, even in part, fails with {DisconnectedError}; what
      # was not waits for the next one, unless `reconnect` is off. Jobs are lost. Nothing happens, and nothing is told,
      # when there was no transport.
      #
      # @param reason [String, Exception, nil] what the system said; of an Exception its message; nil: the server closed it
      # @yield (see #events)
      # @return (see #events)
      def closed(reason = nil, &block)
        _closed(words_of(reason))
        events(&block)
      end

      # Every request fails with {DisconnectedError}, jobs are lost, a worker works no more; no `:error`. Close the
      # transport.
      #
      # @yield (see #events)
      # @return (see #events)
      def disconnect(&block)
        _disconnect
        events(&block)
      end

      # Takes bytes from the server, in whatever pieces they come.
      #
      # @param bytes [String]
      # @yield (see #events)
      # @return (see #events)
      # @raise [ConnectionError] "not open"
      # @raise [ProtocolError] the stream is broken
      # @raise [TypeError] when given no String
      def feed(bytes, &block)
        _feed(Checks.bytes(bytes))
        events(&block)
      end

      # The time is this; deadlines are judged by it. Between two ticks time stands still: a request's timeout counts from
      # the tick before it. Feed what there is to be read first, or a reply that is there counts as late.
      #
      # @param now [Numeric] monotonic seconds; one that lies behind the last is ignored
      # @yield (see #events)
      # @return (see #events)
      # @raise [CommandTimeoutError] a reply or a heartbeat is overdue
      # @raise [ArgumentError] for a time that is none
      def tick(now, &block)
        _tick(now)
        events(&block)
      end

      # What was not told yet: after a block that was left early, or after a request.
      #
      # @yield [name, *about] see above
      # @return [self] with a block
      # @return [Array<Array>] without
      # @raise [ProtocolError, CommandTimeoutError] behind the last event of a stream that is broken
      def events
        return collect unless block_given?

        while (event = @untold.shift || take)
          yield(*event)
        end
        self
      end

      # Bytes to be written, in order.
      #
      # Without a block all of them are taken: they count as written. For a transport that may write less there is the
      # block: it is given up to 64 KiB, writes, and answers how many bytes it wrote (`:wait_writable` is none); as long
      # as that is all, it is called again. When it raises, nothing of that piece counts as written.
      #
      #     session.output { |bytes| socket.write_nonblock(bytes, exception: false) }
      #
      # @yieldparam bytes [String]
      # @yieldreturn [Integer, :wait_writable]
      # @return [String] without a block
      # @return [Boolean] with one: was everything written?
      # @raise [ArgumentError, TypeError] the block answered something else
      # @raise [ConcurrencyError] the block took output, or let time pass, and something expired: the stream is of no use
      def output(&block)
        return take_output unless block

        until (bytes, position = _peek(PIECE)).first.empty?
          count = count_of(yield(bytes.freeze), bytes.bytesize)
          _written(bytes, count, position)
          return false if count < bytes.bytesize
        end
        true
      end

      # Sends one line of the admin protocol.
      #
      # @param line [String] one line without control bytes
      # @param multiline [Boolean, nil] does the answer end with a dot line? nil: as is known of the command
      # @yield [text, error]
      # @return [Request] of the answer, without its final line end or dot line
      # @raise [ArgumentError, BackpressureError]
      def admin(line, multiline: nil, &block) = _admin(line, multiline, nil, &block)

      # @return [String]
      def inspect
        Words.show(self) do
          [open? ? :open : :down, "pending=#{pending_count + waiting_count}", "active=#{active_count}"]
        end
      end

      private

      def known_options = OPTIONS

      def words_of(reason) = reason.is_a?(Exception) ? reason.message : reason

      # What was collected before something raised is not lost: it comes with the next call.
      def collect
        while (event = take)
          @untold << event
        end
        @untold.tap { @untold = [] }
      end

      def take
        name, request = event = _next
        return event unless name == :done

        request.send(:call_block)
        [:done, request, request.result, request.error]
      end

      def take_output
        taken = String.new
        until (bytes, position = _peek(nil)).first.empty?
          _written(bytes, bytes.bytesize, position)
          taken << bytes
        end
        taken
      end

      def count_of(answer, most)
        return 0 if answer == :wait_writable

        EVGearman._blame("the block must answer how many bytes it wrote", TypeError) unless answer.is_a?(Integer)
        EVGearman._blame("#{answer} of #{most} bytes cannot have been written") unless answer.between?(0, most)

        answer
      end

      # Something that was asked of the server, and its one outcome.
      #
      # The session keeps it until it is done; a request whose session is collected is never done.
      class Request
        # @!method done?
        #   @return [Boolean]

        # @!method handle
        #   @return [String, nil] of a job, from JOB_CREATED on; of a status, the handle or key that was asked for

        # @!method function
        #   @return [String, nil] of a submission

        # @!method unique
        #   @return [String, nil] of a submission

        # @return [Object, nil] what the server answered; nil while there is nothing
        def result = outcome&.first

        # @return [Error, nil] why it failed
        def error = outcome&.last

        # @return [Boolean] done, and well
        def success? = done? && error.nil?

        # @return [Boolean] done, and not well
        def failed? = done? && !error.nil?

        # @return [Object] the result
        # @raise [Error] why it failed, or "not done yet"
        def value
          raise Error, "not done yet" unless done?
          raise EVGearman._own_error(error) if error

          result
        end

        # @return [String]
        def inspect
          Words.show(self) { [function, handle, success? ? :succeeded : failed? ? :failed : :pending] }
        end

        private

        def outcome = @outcome ||= (convert if done?)

        def convert
          return [nil, _error] if _error

          [_converter ? _converter.call(_reply) : _reply, nil]
        rescue StandardError => e
          [nil, e]
        end

        def call_block = _block&.call(result, error)
      end
    end
  end
end
