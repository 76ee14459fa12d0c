# frozen_string_literal: true

module EVGearman
  # The Gearman protocol without a socket: bytes to packets and back.
  #
  # A packet is its name and its arguments. Names are lower-case Symbols; wherever one is taken, a
  # Symbol or String in any case does, and so does the number.
  #
  #     Protocol.encode(:can_do, "reverse") # => "\0REQ\0\0\0\x01\0\0\0\areverse"
  #
  #     parser = Protocol::Parser.new
  #     parser.feed(socket.readpartial(16_384)) { |name, *args| p name, args }
  #
  # Arguments that are somebody's data (workloads, results) come back BINARY; handles, names, keys,
  # numbers and the words of an ERROR come back UTF-8, or BINARY where they are not valid UTF-8. A
  # WORK_FAIL whose handle ends with a NUL, as gearmand sends it, comes back without that NUL.
  module Protocol
    # Bytes in front of each body: magic, number, length.
    HEADER_SIZE = 12

    # The largest body a {Parser} takes unless told otherwise.
    MAX_PACKET = 256 * 1024 * 1024

    # Every packet of the protocol: what it is called, its number, how many arguments it has, who
    # sends it (`:client`, `:worker`, `:server`), and what may be the reply to it.
    #
    # @return [Hash{Symbol => Hash}]
    # @example
    #   Protocol::COMMANDS[:submit_job]
    #   # => {number: 7, args: 3, senders: [:client], replies: [:job_created, :error]}
    COMMANDS = _commands.to_h do |name, number, args, senders, replies|
      [name, { number: number, args: args, senders: senders, replies: replies }.freeze]
    end.freeze

    NAMES = COMMANDS.to_h { |name, row| [row[:number], name] }.freeze
    REQUEST = { req: true, res: false }.freeze
    LONGEST_BODY = (2**32) - 1
    CHUNK = 1024 * 1024
    private_constant :NAMES, :REQUEST, :LONGEST_BODY, :CHUNK

    # What the C code takes for granted.
    # @private
    module Checks
      module_function

      def request?(magic)
        REQUEST.fetch(magic) { EVGearman._blame("magic must be :req or :res") }
      end

      def bytes(object)
        String.try_convert(object) or EVGearman._blame("bytes must be a String, not #{object.class}", TypeError)
      end

      def max(size)
        return size if size.is_a?(Integer) && size.between?(0, LONGEST_BODY)

        EVGearman._blame("max must be an Integer between 0 and #{LONGEST_BODY}")
      end
    end
    private_constant :Checks

    class << self
      # The body of a packet: its arguments, joined by NULs.
      #
      # @param command [Symbol, String, Integer]
      # @param args [Array<String>] as many as the command has; taken as bytes
      # @return [String] BINARY
      # @raise (see encode)
      def pack(command, *args)
        encode(command, *args).byteslice(HEADER_SIZE..)
      end

      # The arguments in a body. What stands behind a command without arguments is ignored.
      #
      # @param command [Symbol, String, Integer]
      # @param body [String]
      # @return [Array] the name and the arguments: `[:submit_job, function, unique, workload]`
      # @raise [ArgumentError] when there is no command of that name
      # @raise [TypeError] when the body is no String
      # @raise [ProtocolError] when there is no command of that number, or the body has too few
      #   arguments for it
      def unpack(command, body)
        number = COMMANDS.fetch(name_of(command))[:number]
        body = Checks.bytes(body)
        parser = Parser.new(max: body.bytesize)
        parser.feed(["\0RES", number, body.bytesize, body].pack("a4NNa*")).first
      end

      # A whole packet.
      #
      # @param command [Symbol, String, Integer]
      # @param args [Array<String>] as many as the command has; taken as bytes
      # @param magic [:req, :res] a request, to the server; or a response, from it
      # @return [String] BINARY
      # @raise [ArgumentError] when there is no command of that name, the number of arguments is
      #   wrong, one before the last contains a NUL, or the magic is neither `:req` nor `:res`
      # @raise [TypeError] when an argument is no String
      # @raise [ProtocolError] when there is no command of that number
      # @raise [PacketTooLargeError] when the body has 4 GiB or more
      def encode(command, *args, magic: :req)
        name = name_of(command)
        row = COMMANDS.fetch(name)
        check_count(name, args.size, row[:args])
        _encode(row[:number], Checks.request?(magic), args.map { |arg| Checks.bytes(arg) })
      end

      # Reads one packet from a blocking IO; not a byte more than that.
      #
      # @param io [#read] an IO, a socket, a StringIO …
      # @param magic [:req, :res, nil] which packets are expected; nil takes both
      # @param text (see Parser#initialize)
      # @param max (see Parser#initialize)
      # @return [Array, nil] the name and the arguments (`[:text, line]` for a line); nil when the
      #   stream ended before the first byte
      # @raise [EOFError] when the stream ended inside a packet or a line
      # @raise [ProtocolError] as {Parser#feed}
      # @raise [ArgumentError] as {Parser#initialize}
      def read_packet(io, magic: nil, text: false, max: MAX_PACKET)
        parser = Parser.new(magic: magic, text: text, max: max)
        bytes = io.read(1) or return
        until (packet = parser.feed(bytes).first)
          # An announced length is not yet memory: that grows with what comes.
          bytes = io.read([parser.lacks, CHUNK].min)
          raise EOFError, "end of stream inside a packet" unless bytes
        end
        packet
      end

      # Writes one packet.
      #
      # @param io [#write]
      # @param command (see encode)
      # @param args (see encode)
      # @param magic (see encode)
      # @return [Integer] bytes written
      # @raise (see encode)
      def write_packet(io, command, *args, magic: :req)
        io.write(encode(command, *args, magic: magic))
      end

      private

      def name_of(command)
        case command
        when Integer
          NAMES[command] or raise ProtocolError, "unknown packet type #{command}"
        when Symbol, String
          NAMES[_number(command.to_s)] or EVGearman._blame("unknown command #{command.inspect}")
        else
          EVGearman._blame("a command is a Symbol, String or Integer, not #{command.class}", TypeError)
        end
      end

      def check_count(name, given, expected)
        return if given == expected

        EVGearman._blame("wrong number of arguments for #{name} (given #{given}, expected #{expected})")
      end
    end

    # Cuts a stream of bytes, in whatever pieces it comes, into packets.
    #
    # With `text: true` lines of the admin protocol may stand between packets: when the first byte of
    # the next is not NUL, it is such a line, and comes as `:text` and the line without its line end
    # (LF or CR LF). A parser doesn't know what was asked, so a list comes line by line, the final
    # "." included.
    class Parser
      # @param magic [:req, :res, nil] which packets are expected: requests (by a server), responses,
      #   or both
      # @param text [Boolean] may lines of text stand between packets?
      # @param max [Integer] bytes of the longest body, and of the longest line; up to 2**32 - 1
      # @raise [ArgumentError] when the magic is none of these, or max no such number
      def initialize(magic: :res, text: false, max: MAX_PACKET)
        _setup(magic && Checks.request?(magic), text, Checks.max(max))
      end

      # Takes bytes, and tells the packets that are now whole; the rest is kept for the next call.
      #
      # A packet has left the parser when the block is called. So the block may raise, throw, break
      # or feed the same parser again; the packets behind it come with the next call, or `feed("")`.
      #
      # Once a mistake has been met, it is raised by each further call, and no more bytes are taken.
      # Nothing is consumed by a call that raises it, but what a block was given before: packets in
      # front of the mistake still come to `feed("") { … }`.
      #
      # @param bytes [String]
      # @yieldparam name [Symbol] of the packet; `:text` for a line
      # @yieldparam args [Array<String>]
      # @return [self] with a block
      # @return [Array<Array>] without: name and arguments of each packet
      # @raise [ProtocolError] "invalid response magic", "response packet too large" (told by the
      #   header, before the body has come), "response text too large", "unexpected reply: unknown
      #   packet type 43", "malformed packet" (fewer arguments than the command has). A parser of
      #   requests says "request" instead.
      # @raise [TypeError] when given no String
      def feed(bytes)
        _take(Checks.bytes(bytes))
        return _all unless block_given?

        while (packet = _next)
          yield(*packet)
        end
        self
      end

      # @!method lacks
      #   How many bytes to read next: so many at least are missing, and none of them belongs to the
      #   packet behind.
      #   @return [Integer] 0 when something can be told without further bytes
    end
  end
end
