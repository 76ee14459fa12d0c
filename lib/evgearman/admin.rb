# frozen_string_literal: true

module EVGearman
  # What the text commands of a server answer, parsed.
  module Admin
    # Rows of an answer: Enumerable, frozen, found by their first column.
    #
    #     status = client.server_status.value
    #     status["resize"]&.waiting
    #     status.sort_by(&:total).last(3).each { |row| puts row.name }
    # Of several servers they are put together, and each row knows its own; those of {Status} and {PriorityStatus} are
    # summed by function.
    class Rows
      include Enumerable

      # @return [String] the answer as the server sent it, without the final dot line
      attr_reader :text

      # @return [Array<String>] lines of it that are no row, as they are; frozen
      attr_reader :unread

      # @return [Hash{String => Rows}] what each server said; frozen
      attr_reader :by_server

      # @return [Hash{String => Error}] of servers that said nothing; frozen
      attr_reader :errors

      # Of one server, or several.
      # @api private
      def self.of(reply, server = nil)
        return new(reply, server) unless server.is_a?(Array)

        answers, errors = Several.sort(reply, server)
        together(answers.to_h { |at, text| [at, new(text, at)] }, errors)
      end

      # @api private
      def self.together(by_server, errors)
        allocate.tap { |rows| rows.send(:put_together, by_server, errors) }
      end
      private_class_method :together

      # @api private
      def initialize(text, server = nil)
        @text = text.freeze
        lines = text.split("\n").map { |line| line.delete_suffix("\r") }
        rows = lines.map { |line| self.class.parse(line) }
        @unread = lines.reject.with_index { |_, place| rows[place] }.each(&:freeze).freeze
        rows.compact.each { |row| row.instance_variable_set(:@server, server) }
        hold(rows.compact, server ? { server => self } : {}, {})
      end

      # Each row, as the server sent them.
      #
      # @yield [row]
      # @return [self] with a block
      # @return [Enumerator] without
      def each(&block)
        return @rows.each unless block

        @rows.each(&block)
        self
      end

      # The row of that name: its first column (of {Workers}: the client id). Of several the last one; {Workers#to_h} has
      # them all.
      #
      # @param key [String]
      # @return [Struct, nil]
      def [](key) = @by_key[key.is_a?(String) ? Admin.utf8(key.b) : key]

      # @return [Integer] rows
      def size = @rows.size

      # @return [Boolean] is there none?
      def empty? = @rows.empty?

      # Do they say the same? Rows that are equal in the same order are, whatever the server's text was.
      #
      # @param other [Object]
      # @return [Boolean]
      def ==(other) = other.instance_of?(self.class) && to_a == other.to_a
      alias eql? ==

      # @return [Integer]
      def hash = [self.class, @rows].hash

      # The rows by what {#[]} finds them by; with a block as of Enumerable.
      #
      # @yield [row]
      # @return [Hash{String => Struct}] frozen, without a block
      def to_h(&block) = block ? super : @by_key

      # @return [String] for people to read
      def inspect = "#<#{self.class} #{@rows.size} rows>"

      private

      def key_of(row) = row[0]

      def hold(rows, by_server, errors)
        @rows = rows.each(&:freeze).freeze
        @by_key = @rows.to_h { |row| [key_of(row), row] }.freeze
        @by_server = by_server.freeze
        @errors = errors.freeze
        freeze
      end

      def put_together(by_server, errors)
        parts = by_server.values
        @text = parts.map(&:text).join("\n").freeze
        @unread = parts.flat_map(&:unread).freeze
        hold(combine(parts.flat_map(&:to_a)), by_server, errors)
      end

      # What of several servers is one row.
      def combine(rows) = rows
    end

    # What every row knows beside its columns.
    module Row
      # @return [String, nil] the server that said it; nil for the sum of several
      attr_reader :server
    end

    # Rows of functions, which are summed.
    # @api private
    module Summed
      private

      def combine(rows)
        rows.group_by(&:name).values.map do |same|
          numbers = same.map { |row| row.to_a.drop(1) }.transpose.map(&:sum)
          same.first.class.new(same.first.name, *numbers)
        end
      end
    end

    # Text that a server sent: UTF-8 if valid, else as it is.
    # @api private
    def self.utf8(text)
      copy = text.dup.force_encoding(Encoding::UTF_8)
      copy.valid_encoding? ? copy.freeze : text
    end

    # A line's name, which may hold any separator, and its last columns, which are numbers; nil when they are not.
    # @api private
    def self.name_and_numbers(line, columns)
      match = /\A(.*?)#{"\t(-?\\d+)" * columns}\z/mn.match(line.b)
      [utf8(match[1]), *match.captures.drop(1).map(&:to_i)] if match
    end

    # Functions and their jobs (`status`).
    class Status < Rows
      include Summed

      # A function: its name, jobs in all, jobs running, workers that can do it.
      Row = Struct.new(:name, :total, :running, :workers) do
        include Admin::Row

        # Jobs that no worker has yet.
        #
        # @return [Integer]
        def waiting = [total - running, 0].max

        # The columns and {#waiting}, by name.
        #
        # @return [Hash{Symbol => Object}]
        def to_h(&block)
          hash = super(&nil).merge(waiting: waiting)
          block ? hash.to_h(&block) : hash
        end

        # For pattern matching by name.
        #
        # @param names [Array<Symbol>, nil] which of them; nil: all
        # @return [Hash{Symbol => Object}]
        def deconstruct_keys(names) = names ? to_h.slice(*names) : to_h
      end

      # A row from its line; nil for a line that is none.
      # @api private
      def self.parse(line) = Admin.name_and_numbers(line, 3)&.then { |columns| Row.new(*columns) }
    end

    # Functions and the jobs that wait in each of their queues (`prioritystatus`).
    class PriorityStatus < Rows
      include Summed

      # A function: its name, jobs waiting by priority, workers that can do it.
      Row = Struct.new(:name, :high, :normal, :low, :workers) { include Admin::Row }

      # A row from its line; nil for a line that is none.
      # @api private
      def self.parse(line) = Admin.name_and_numbers(line, 4)&.then { |columns| Row.new(*columns) }
    end

    # Connections of the server (`workers`); found by client id.
    class Workers < Rows
      # A connection: its descriptor, address, client id ("-" without one) and functions.
      Row = Struct.new(:fd, :ip, :client_id, :functions) { include Admin::Row }

      # A row from its line; nil for a line that is none.
      # @api private
      def self.parse(line)
        match = /\A(\d+) (\S+) (.*?) :(?: (.*))?\z/mn.match(line.b)
        return unless match

        functions = match[4].to_s.split(/ +/).map { |name| Admin.utf8(name) }
        Row.new(match[1].to_i, match[2], Admin.utf8(match[3]), functions.freeze)
      end

      # All rows of each client id: many workers have none ("-"), or share one.
      #
      # @yield [row] as of Enumerable
      # @return [Hash{String => Array<Struct>}] without a block
      def to_h(&block) = block ? super : group_by(&:client_id)

      private

      def key_of(row) = row.client_id
    end

    # Jobs of the server (`show jobs`).
    class Jobs < Rows
      # A job: its handle, how often it was given out, whether it was cancelled, whether it is of the background (0 or 1).
      Row = Struct.new(:handle, :retries, :ignored, :queued) { include Admin::Row }

      # A row from its line; nil for a line that is none.
      # @api private
      def self.parse(line) = Admin.name_and_numbers(line, 3)&.then { |columns| Row.new(*columns) }
    end

    # The Task fails with what the server said instead.
    # @api private
    def self.unreadable(text) = raise(ProtocolError, "unexpected admin response: #{Words.one_line(text)}")

    # What follows OK.
    # @api private
    VERSION = ->(text, _server = nil) { utf8(text.delete_prefix("OK ")) }

    # The number that follows OK.
    # @api private
    PID = lambda do |text, _server = nil|
      Integer(text.delete_prefix("OK "), 10, exception: false) || unreadable(text)
    end

    # What an answer leads to: another line is asked, by the same Task, and `convert` makes the value of its answer.
    # @api private
    Next = Struct.new(:line, :convert)

    # Of a `status` in which the function has no jobs.
    # @api private
    def self.if_empty(name, line)
      lambda do |text, server = nil|
        jobs = Status.of(text, server)[name]&.total.to_i
        raise Error, "#{name} has jobs (#{jobs}): drop_function(name, force: true) would lose them" if jobs.positive?

        Next.new(line, DONE)
      end
    end

    # An answer that only says yes.
    # @api private
    DONE = lambda do |text, server = nil|
      return Several.agreed(text, server, &DONE) if server.is_a?(Array)

      text == "OK" || unreadable(text)
    end

    # A key a line.
    # @api private
    UNIQUES = lambda do |text, server = nil|
      return Several.sort(text, server).first.values.flat_map { |one| UNIQUES.call(one) } if server.is_a?(Array)

      text.split("\n").map { |key| utf8(key.delete_suffix("\r")) }
    end

    # The answer as it is.
    # @api private
    TEXT = ->(text, _server = nil) { text.freeze }

    # Requests by which a client looks at and steers its servers: {#maxqueue}, {#create_function} and {#drop_function} go to
    # all of several, the rows of all are one answer, and what is about one ({#cancel_job} of a handle, {#server_version},
    # {#server_pid}, {#server_verbosity}, {#shutdown_server}, {#admin}) needs {Connection#at}.
    #
    # Each is a {Task} (of a {Protocol::ClientSession} a
    # {Protocol::Session::Request}), and takes a block `{ |value, error| }`. An `ERR` answer fails it with a
    # {ServerError}.
    module Requests
      # What a server reads as a number.
      SIZES = (-(2**31)...2**31)
      private_constant :SIZES

      # Sends one line, and has the answer without its final line end or dot line.
      #
      # @param line [String] one line without control bytes
      # @param multiline [Boolean, nil] does the answer end with a dot line? nil: as is known of the command
      # @yield [text, error]
      # @return [Task] of String
      # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
      def admin(line, multiline: nil, &block) = _admin(line, multiline, TEXT, &block)

      # `status`: functions and their jobs.
      #
      # @yield [value, error]
      # @return [Task] of {Status}
      # @raise [ConnectionError, BackpressureError]
      def server_status(&block) = _admin("status", nil, Status.method(:of), &block)

      # `prioritystatus`: functions and the jobs that wait in each of their queues.
      #
      # @yield [value, error]
      # @return [Task] of {PriorityStatus}
      # @raise [ConnectionError, BackpressureError]
      def priority_status(&block) = _admin("prioritystatus", nil, PriorityStatus.method(:of), &block)

      # `workers`: the connections of the server.
      #
      # @yield [value, error]
      # @return [Task] of {Workers}
      # @raise [ConnectionError, BackpressureError]
      def server_workers(&block) = _admin("workers", nil, Workers.method(:of), &block)

      # `show jobs`: the jobs of the server.
      #
      # @yield [value, error]
      # @return [Task] of {Jobs}
      # @raise [ConnectionError, BackpressureError]
      def jobs(&block) = _admin("show jobs", nil, Jobs.method(:of), &block)

      # `show unique jobs`: the keys of its jobs that have one.
      #
      # @yield [value, error]
      # @return [Task] of Array of String
      # @raise [ConnectionError, BackpressureError]
      def unique_jobs(&block) = _admin("show unique jobs", nil, UNIQUES, &block)

      # `version`: which server it is.
      #
      # @yield [value, error]
      # @return [Task] of String, such as "1.1.20+ds"
      # @raise [ConnectionError, BackpressureError]
      def server_version(&block) = _admin("version", nil, VERSION, &block)

      # `getpid`: its process.
      #
      # @yield [value, error]
      # @return [Task] of Integer
      # @raise [ConnectionError, BackpressureError]
      def server_pid(&block) = _admin("getpid", nil, PID, &block)

      # `verbose`: how much it logs.
      #
      # @yield [value, error]
      # @return [Task] of String, such as "ERROR"
      # @raise [ConnectionError, BackpressureError]
      def server_verbosity(&block) = _admin("verbose", nil, VERSION, &block)

      # `maxqueue`: how many jobs a function may have, running ones included, before submissions are refused.
      # Perl's server reads one size, for the jobs that wait, and above it fails the one that waits last.
      # gearmand says yes and forgets it when it never heard of the function: see {#create_function}.
      #
      # @param function [String]
      # @param size [Integer, nil] for all priorities; nil resets, negative is unlimited
      # @param high [Integer, nil]
      # @param normal [Integer, nil]
      # @param low [Integer, nil]
      # @yield [true, error]
      # @return [Task] of true; fails with {ProtocolError} for an answer that is neither OK nor ERR
      # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
      def maxqueue(function, size = nil, high: nil, normal: nil, low: nil, &block)
        by_priority = [high, normal, low]
        given = by_priority.compact.size.positive?
        EVGearman._blame("give either a size or high:, normal: and low:") if given && !size.nil?

        sizes = given ? by_priority.map { |number| number.nil? ? -1 : number } : [size].compact
        unless sizes.all? { |number| number.is_a?(Integer) && SIZES.cover?(number) }
          EVGearman._blame("maxqueue needs whole numbers of 32 bits")
        end

        _admin(["maxqueue", _check_admin_argument(function), *sizes].join(" "), nil, DONE, &block)
      end

      # `cancel job`: its clients see it fail. At gearmand one that runs goes on, and a submission with its key joins it;
      # one that does not run goes without a word, with who joined it since: that ends with {JobLostError}.
      #
      # @param handle [String]
      # @yield [true, error]
      # @return [Task] of true; fails with {JobNotFoundError}
      # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
      def cancel_job(handle, &block)
        _admin("cancel job #{_check_admin_argument(_check_handle(handle))}", nil, DONE, &block)
      end

      # `create function`: the server knows it from now on, with no job and no worker.
      #
      # @param name [String]
      # @yield [true, error]
      # @return [Task] of true
      # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
      def create_function(name, &block)
        _admin("create function #{_check_admin_argument(name)}", nil, DONE, &block)
      end

      # `drop function`. gearmand would drop one with jobs queued and leave these unreachable for ever: so that is
      # looked at first (`status`), unless forced.
      #
      # @param name [String]
      # @param force [Boolean] without looking
      # @yield [true, error]
      # @return [Task] of true; fails with {Error} when jobs are queued, with {ServerError} when workers are there
      # @raise [ArgumentError, TypeError, ConnectionError, BackpressureError]
      def drop_function(name, force: false, &block)
        line = "drop function #{name = _check_admin_argument(name)}"
        return _admin(line, nil, DONE, &block) if force

        _admin("status", nil, Admin.if_empty(name, line), &block)
      end

      # `shutdown`, which Perl's server knows and gearmand does not: there it fails with {UnsupportedCommandError}.
      #
      # @param graceful [Boolean] does it finish what it has?
      # @yield [true, error]
      # @return [Task] of true
      # @raise [ConnectionError, BackpressureError]
      def shutdown_server(graceful: false, &block)
        _admin(graceful ? "shutdown graceful" : "shutdown", nil, DONE, &block)
      end
    end
  end
end
