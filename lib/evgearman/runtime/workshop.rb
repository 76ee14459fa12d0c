# frozen_string_literal: true

require "socket"

module EVGearman
  class Runtime
    # A process that runs jobs: its worker, and who heeds signals beside it.
    #
    # @api private
    class Workshop
      HEEDED = %w[TERM QUIT TSTP TTIN USR2 CONT].freeze
      TERMINAL = %w[INT HUP].freeze # these come to a whole group: a supervisor's child leaves them to that one
      GRACE = 1 # seconds that a handler on the worker's own thread has after the connection was closed
      private_constant :HEEDED, :TERMINAL, :GRACE

      # In this process, without a supervisor.
      def self.alone(settings, log)
        Application.load(settings)
        board = Board.new(settings, log)
        new(settings, log, inbox: Inbox.new(HEEDED + TERMINAL), line: board.desk(1)).tap { board.open }
      end

      # In a process that does other things, too: what comes by signals is theirs.
      def self.embedded(settings, log) = new(settings, log, inbox: nil, line: Board.new(settings, log).desk(1))

      # The child of a supervisor.
      def self.child(settings, log, parent:, **options)
        new(settings, log, inbox: Inbox.new(HEEDED, ignored: TERMINAL, parent: parent), **options)
      end

      # @param line [Line, Board::Desk] to whom it says how it is
      def initialize(settings, log, inbox:, line:, number: 1, ledger: nil, deadly: Set.new)
        @settings = settings
        @log = log
        @inbox = inbox
        @line = line
        @number = number
        @registry = Runtime.registry
        @performance = Performance.new(@registry, log, ledger: ledger, deadly: deadly)
      end

      # Loads the application, and what is needed to begin.
      #
      # @return [self]
      # @raise [Failure]
      def prepare
        @registry.announce(:fork) if @settings[:preload] && @line.socket
        Application.load(@settings)
        @functions = Functions.new(@settings, @registry)
        @registry.announce(:startup)
        @worker = make_worker
        self
      end

      # @return [Integer] how to end
      # @raise [Failure] without a supervisor who would be told
      def run
        control = OwnThread.start("evgearman control") { heed } if @inbox
        prepare unless @worker
        serve
      rescue Failure => e
        raise unless @line.socket

        @line.say { { failed: e.message } }
        1
      ensure
        control&.kill
      end

      # Has it end, from any thread.
      #
      # @param timeout [Numeric] seconds for jobs that are running
      def stop(timeout)
        @registry.announce(:shutdown) unless @ending
        @log.info("stopping", within: timeout, in_flight: @worker.busy_count) unless @ending
        @ending = true
        @worker.stop(timeout)
      end

      private

      def serve
        @log.info("ready", number: @number, functions: @functions.all.keys.join(","))
        beat
        outcome = @worker.run(signals: false)
        @registry.announce(:exit)
        @log.info("stopped", finished: outcome[:finished], handed_back: outcome[:handed_back].size)
        beat
        0
      end

      def make_worker
        worker = new_worker
        @functions.announce(worker, @performance)
        worker.loop.every(1) { beat }
        worker.work { drained } if @settings[:drain]
        worker
      end

      def new_worker
        Worker.new(
          loop: Loop.new, client_id: client_id, concurrency: @settings[:concurrency], prefetch: @settings[:prefetch],
          poll_interval: @settings[:poll_interval], on_connect: method(:connected), on_disconnect: method(:disconnected),
          on_callback_error: @performance.method(:callback_error), **connection
        )
      end

      # As the application configured the client of the process, and over that what was said to us.
      def connection
        place = %i[host port path url servers]
        said = @settings.connection
        options = EVGearman.configuration.to_h.except(:loop, :client_id, *Connection::HOOKS)
        options = options.except(*place) if place.any? { |name| said.key?(name) }
        options.merge(said)
      end

      # As it is listed by the server, which takes 63 bytes.
      def client_id
        name, last = @settings[:client_id] ? [@settings[:client_id], @number] : [Socket.gethostname, ::Process.pid]
        "#{name.gsub(/[^!-~]/, "_")[0, 50]}-#{last}"
      end

      # Before the worker asks for its first job on this connection.
      def connected(*)
        @worker.work_stop if @quiet
        beat
      end

      def disconnected(*) = beat

      # There is nothing more to do: what is held is finished.
      def drained = stop(@settings[:timeout])

      # Tells how it is.
      def beat
        @line.say { state }
        entitle("#{@worker.busy_count} of #{@settings[:concurrency]} busy#{", quiet" if @quiet}") if @inbox
      end

      def entitle(text)
        ::Process.setproctitle("evgearman #{VERSION} worker #{@number}: #{text}") unless text == @text
        @text = text
      end

      def state
        { ready: true, connected: @worker.connected?, quiet: @quiet == true, busy: @worker.busy_count,
          count: @performance.tally.count, jobs: @performance.tally.take }
      end

      # -- what it is told -------------------------------------------------------------------------------------------------

      def heed
        loop do
          IO.select([@inbox.reader, (@line.socket unless @orphan)].compact)
          @inbox.take.each { |name| signalled(name) }
          listen unless @orphan || @line.socket.nil?
        end
      end

      def listen
        messages = @line.heard or return orphaned
        messages.each { |message| @performance.deadly.add(message.fetch("deadly")) }
      end

      def orphaned
        @orphan = true
        @log.warn("the supervisor is gone")
        terminate(@settings[:timeout]) unless @ending
      end

      def signalled(name)
        case name
        when "TERM", "INT" then terminate(@ending ? 0 : @settings[:timeout])
        when "QUIT" then terminate(0)
        when "TSTP", "USR2" then quiet
        when "CONT" then resume
        when "TTIN" then JobsInFlight.tell(@log, @worker)
        when "HUP" then @log.warn("HUP: without a supervisor nothing is restarted")
        end
      end

      def quiet
        return if @quiet || @ending

        @quiet = true
        @worker&.work_stop
        @registry.announce(:quiet)
        @log.info("quiet")
      end

      def resume
        return if !@quiet || @ending

        @quiet = false
        @worker&.work
        @registry.announce(:resume)
        @log.info("resumed")
      end

      # A handler that is on the worker's own thread when its time is over cannot be waited for.
      def terminate(timeout)
        exit!(0) unless @worker # the application is still being loaded

        stop(timeout)
        Thread.new { sleep(timeout + GRACE).then { exit!(0) } }
      end
    end
  end
end
