# frozen_string_literal: true

require "objspace"
require "socket"
require "stringio"

# What a parser makes of the same bytes, in whatever pieces they come.
RSpec.shared_examples "a packet that arrives" do |packet, magic|
  let(:parser) { EVGearman::Protocol::Parser.new(magic: magic) }
  let(:behind) { EVGearman::Protocol.encode(:noop, magic: magic) }

  it "whole" do
    expect(parser.feed(bytes)).to eq [packet]
  end

  it "byte by byte" do
    told = bytes.each_char.map { |byte| parser.feed(byte) }
    expect(told.pop).to eq [packet]
    expect(told).to all be_empty
  end

  it "with another one behind it" do
    expect(parser.feed(bytes + behind)).to eq [packet, [:noop]]
  end

  it "with half of another one behind it" do
    expect(parser.feed(bytes + behind[0, 7])).to eq [packet]
    expect(parser.feed(behind[7..])).to eq [[:noop]]
  end
end

RSpec.describe EVGearman::Protocol do
  def encode(...) = EVGearman::Protocol.encode(...)
  def res(*packet) = encode(*packet, magic: :res)
  def new_parser(...) = EVGearman::Protocol::Parser.new(...)
  def header(magic, number, length) = [magic, number, length].pack("a4NN")
  def hex(digits) = [digits.delete(" ")].pack("H*")

  everything = (0..255).to_a.pack("C*")

  # Arguments for a command; the last one is whatever bytes there are.
  arguments = lambda do |count|
    count.zero? ? [] : [*(1...count).map { |n| "argument #{n}" }, everything]
  end

  describe "COMMANDS" do
    commands = described_class::COMMANDS

    it "knows every number from 1 to 42 but 5, once, in order" do
      expect(commands.values.map { |row| row[:number] }).to eq [*1..42] - [5]
    end

    it "tells number, arguments, senders and replies" do
      expect(commands[:submit_job])
        .to eq(number: 7, args: 3, senders: [:client], replies: %i[job_created error])
      expect(commands[:work_complete])
        .to eq(number: 13, args: 2, senders: %i[worker server], replies: [])
      expect(commands[:grab_job_all])
        .to eq(number: 39, args: 0, senders: [:worker],
               replies: %i[no_job error job_assign_uniq job_assign_all])
    end

    it "is frozen to the bottom" do
      expect(Ractor.shareable?(commands)).to be true
    end
  end

  described_class::COMMANDS.each do |name, row|
    args = arguments[row[:args]]

    it "packs and unpacks #{name}" do
      expect(described_class.unpack(name, described_class.pack(name, *args))).to eq [name, *args]
    end

    %i[req res].each do |magic|
      describe "#{name}, encoded as #{magic}" do
        let(:bytes) { encode(name, *args, magic: magic) }

        it_behaves_like "a packet that arrives", [name, *args], magic
      end
    end
  end

  # Seen between gearmand (on a host called vm), its clients and its workers.
  # ">" is to the server, "<" from it.
  real = <<~HEX
    > can_do rev
      00524551 00000001 00000003 726576
    > grab_job_uniq
      00524551 0000001e 00000000
    < no_job
      00524553 0000000a 00000000
    > pre_sleep
      00524551 00000004 00000000
    > option_req exceptions
      00524551 0000001a 0000000a 657863657074696f6e73
    < option_res exceptions
      00524553 0000001b 0000000a 657863657074696f6e73
    > submit_job rev u1 abc
      00524551 00000007 0000000a 726576 00 7531 00 616263
    < job_created H:vm:1
      00524553 00000008 00000006 483a766d3a31
    < noop
      00524553 00000006 00000000
    < job_assign_uniq H:vm:1 rev u1 abc
      00524553 0000001f 00000011 483a766d3a31 00 726576 00 7531 00 616263
    > get_status H:vm:1
      00524551 0000000f 00000006 483a766d3a31
    < status_res H:vm:1 1 1 0 0
      00524553 00000014 0000000e 483a766d3a31 00 31 00 31 00 30 00 30
    > get_status_unique u1
      00524551 00000029 00000002 7531
    < status_res_unique u1 1 1 0 0 1
      00524553 0000002a 0000000c 7531 00 31 00 31 00 30 00 30 00 31
    > work_status H:vm:1 1 2
      00524551 0000000c 0000000a 483a766d3a31 00 31 00 32
    < work_status H:vm:1 1 2
      00524553 0000000c 0000000a 483a766d3a31 00 31 00 32
    > work_data H:vm:1 xy
      00524551 0000001c 00000009 483a766d3a31 00 7879
    < work_data H:vm:1 xy
      00524553 0000001c 00000009 483a766d3a31 00 7879
    > work_exception H:vm:1 err
      00524551 00000019 0000000a 483a766d3a31 00 657272
    < work_exception H:vm:1 err
      00524553 00000019 0000000a 483a766d3a31 00 657272
    > submit_job_epoch rev e1 1893456000 z
      00524551 00000024 00000013 726576 00 6531 00 31383933343536303030 00 7a
  HEX

  real.lines(chomp: true).each_slice(2) do |words, digits|
    direction, name, *args = words.split
    magic = { ">" => :req, "<" => :res }.fetch(direction)
    packet = [name.to_sym, *args]

    describe "the real packet #{words}" do
      let(:bytes) { hex(digits) }

      it "is what is encoded" do
        expect(encode(*packet, magic: magic)).to eq bytes
      end

      it_behaves_like "a packet that arrives", packet, magic
    end
  end

  describe "the real packet < error" do
    words = ["JOB_NOT_FOUND", "Job given in work result not found"]
    let(:bytes) { hex("00524553 00000013 00000030") + words.join("\0") }

    it "is what is encoded" do
      expect(res(:error, *words)).to eq bytes
    end

    it_behaves_like "a packet that arrives", [:error, *words], :res
  end

  describe "a work_fail with a stray NUL, as gearmand makes it of an exception" do
    let(:bytes) { hex("00524553 0000000e 00000007 483a766d3a33 00") }

    it_behaves_like "a packet that arrives", [:work_fail, "H:vm:3"], :res

    it "loses one NUL, not more" do
      expect(described_class.unpack(:work_fail, "H:vm:3\0\0")).to eq [:work_fail, "H:vm:3\0"]
    end
  end

  describe "an ECHO" do
    sizes = { "nothing" => "", "NULs" => "a\0b\0", "10 MB" => "0123456789" * 1_000_000 }

    sizes.each do |what, data|
      it "brings back #{what}" do
        expect(new_parser.feed(res(:echo_res, data))).to eq [[:echo_res, data]]
      end
    end

    it "keeps its place among 20,000" do
      stream = (1..20_000).map { |n| res(:echo_res, n.to_s) }.join
      expect(new_parser.feed(stream)).to eq((1..20_000).map { |n| [:echo_res, n.to_s] })
    end
  end

  it "ignores a body behind a packet without arguments" do
    expect(new_parser(magic: :req).feed("#{header("\0REQ", 9, 5)}extra")).to eq [[:grab_job]]
    expect(described_class.unpack(:grab_job, "extra")).to eq [:grab_job]
  end

  it "sends a NUL in front of an empty result" do
    expect(described_class.pack(:work_complete, "H:vm:1", "")).to eq "H:vm:1\0"
  end

  describe "a command" do
    [:can_do, :CAN_DO, "can_do", "Can_Do", "CAN_DO", 1].each do |command|
      it "may be called #{command.inspect}" do
        expect(encode(command, "f")).to eq encode(:can_do, "f")
        expect(described_class.unpack(command, "f")).to eq [:can_do, "f"]
      end
    end

    [:can_do_it, "", "can do", :text, "can_do\0"].each do |command|
      it "is not called #{command.inspect}" do
        error = [ArgumentError, "unknown command #{command.inspect}"]
        expect { described_class.pack(command, "f") }.to raise_error(*error)
        expect { described_class.unpack(command, "f") }.to raise_error(*error)
      end
    end

    [0, 5, 43, -1, 0xffff_ffff, 2**70].each do |number|
      it "doesn't have the number #{number}" do
        error = [EVGearman::ProtocolError, "unknown packet type #{number}"]
        expect { described_class.pack(number) }.to raise_error(*error)
        expect { described_class.unpack(number, "") }.to raise_error(*error)
      end
    end

    it "is nothing else" do
      expect { described_class.pack(nil) }.to raise_error(TypeError)
      expect { described_class.unpack(7.0, "") }.to raise_error(TypeError)
    end
  end

  describe "arguments" do
    it "are as many as the command has" do
      message = "wrong number of arguments for submit_job (given 2, expected 3)"
      expect { encode(:submit_job, "f", "u") }.to raise_error(ArgumentError, message)
      expect { encode(:submit_job, "f", "u", "w", "x") }.to raise_error(ArgumentError)
      expect { encode(:noop, "x") }.to raise_error(ArgumentError)
      expect { encode(:noop, *["x"] * 100) }.to raise_error(ArgumentError)
    end

    it "contain no NUL, but the last" do
      expect { described_class.pack(:submit_job, "f\0", "", "") }
        .to raise_error(ArgumentError, "only the last argument may contain NUL")
      expect { described_class.pack(:submit_job, "f", "\0", "") }.to raise_error(ArgumentError)
      expect(described_class.pack(:submit_job, "f", "", "\0")).to eq "f\0\0\0"
    end

    it "are Strings, or become one" do
      expect { encode(:can_do, :reverse) }.to raise_error(TypeError)
      expect { encode(:work_status, "h", 1, 2) }.to raise_error(TypeError)
      name = Object.new
      def name.to_str = "reverse"
      expect(encode(:can_do, name)).to eq encode(:can_do, "reverse")
    end

    it "are taken as bytes, whatever their encoding" do
      expect(described_class.pack(:submit_job, "größe", "", "é".encode("UTF-16LE")))
        .to eq "gr\xC3\xB6\xC3\x9Fe\0\0\xE9\0".b
    end
  end

  it "refuses a magic that is none" do
    error = [ArgumentError, "magic must be :req or :res"]
    expect { encode(:noop, magic: :foo) }.to raise_error(*error)
    expect { new_parser(magic: "res") }.to raise_error(*error)
  end

  it "refuses a body with too few arguments" do
    expect { described_class.unpack(:submit_job, "nonul") }
      .to raise_error(EVGearman::ProtocolError, "malformed packet")
    expect { described_class.unpack(:submit_job, nil) }.to raise_error(TypeError)
  end

  describe "encodings" do
    def encodings(packet) = packet.drop(1).map(&:encoding)

    it "are BINARY for what is packed" do
      expect(described_class.pack(:can_do, "größe").encoding).to be Encoding::BINARY
      expect(encode(:can_do, "größe").encoding).to be Encoding::BINARY
    end

    it "are BINARY for payloads, UTF-8 for handles, functions and keys" do
      assigned = described_class.unpack(:job_assign_uniq, "H:vm:1\0größe\0u1\0größe")
      expect(encodings(assigned)).to eq [*[Encoding::UTF_8] * 3, Encoding::BINARY]
      expect(assigned[2]).to eq "größe"
    end

    it "are BINARY for names that are not UTF-8" do
      expect(described_class.unpack(:can_do, "\xFF")).to eq [:can_do, "\xFF".b]
    end

    payloads = described_class::COMMANDS.keys.grep(
      /\A(?:submit_|job_assign|echo_|work_(?:data|warning|complete|exception))/
    )
    described_class::COMMANDS.each do |name, row|
      next if row[:args].zero?

      expected = payloads.include?(name) ? Encoding::BINARY : Encoding::UTF_8
      it "is #{expected} for the last argument of #{name}" do
        body = described_class.pack(name, *["x"] * row[:args])
        expect(described_class.unpack(name, body).last.encoding).to be expected
      end
    end
  end

  describe described_class::Parser do
    let(:parser) { new_parser }
    let(:three) { %w[1 2 3].map { |data| res(:echo_res, data) }.join }

    # Name and arguments of each packet that a block is given.
    def told(parser, bytes)
      [].tap { |packets| parser.feed(bytes) { |*packet| packets << packet } }
    end

    it "yields name and arguments" do
      expect { |block| parser.feed(res(:work_data, "h", "d"), &block) }
        .to yield_with_args(:work_data, "h", "d")
    end

    it "returns itself with a block" do
      expect(parser.feed(three) { nil }).to be parser
    end

    it "tells nothing of nothing" do
      expect(parser.feed("")).to eq []
    end

    it "takes Strings, or what becomes one" do
      expect { parser.feed(nil) }.to raise_error(TypeError)
      expect { parser.feed(0) }.to raise_error(TypeError)
    end

    it "keeps a copy of what it was fed" do
      half = res(:echo_res, "data")[0, 14]
      parser.feed(half)
      half.replace("x" * 14)
      expect(parser.feed("ta")).to eq [[:echo_res, "data"]]
    end

    it "can't be copied" do
      expect { parser.dup }.to raise_error(TypeError)
      expect { parser.clone }.to raise_error(TypeError)
    end

    describe "a block that" do
      # Each leaves while it is told the first of three packets.
      ways = {
        "breaks" => ->(parser, bytes) { parser.feed(bytes) { break } },
        "throws" => ->(parser, bytes) { catch(:out) { parser.feed(bytes) { throw :out } } },
        "raises" => lambda do |parser, bytes|
          parser.feed(bytes) { raise IOError }
        rescue IOError
          nil
        end
      }

      ways.each do |what, feed|
        it "#{what} leaves the packets behind it for the next call" do
          feed[parser, three + res(:echo_res, "4")[0, 5]]
          expect(told(parser, res(:echo_res, "4")[5..]).map(&:last)).to eq %w[2 3 4]
        end
      end

      it "feeds again is told what comes next, in order, once" do
        seen = []
        parser.feed(three) do |_, data|
          seen << data
          parser.feed(res(:echo_res, "4")) { |_, inner| seen << inner } if data == "1"
        end
        expect(seen).to eq %w[1 2 3 4]
      end

      it "feeds half a packet gets the other half told later" do
        packet = res(:echo_res, "4")
        seen = []
        parser.feed(three) do |_, data|
          seen << data
          told(parser, packet[0, 5]).each { |_, inner| seen << inner } if data == "1"
        end
        expect(seen).to eq %w[1 2 3]
        expect(parser.feed(packet[5..])).to eq [[:echo_res, "4"]]
      end

      it "collects garbage finds its arguments whole" do
        packets = []
        parser.feed(three * 10) do |*packet|
          GC.start
          packets << packet
        end
        expect(packets).to eq(%w[1 2 3].map { |data| [:echo_res, data] } * 10)
      end
    end

    describe "text" do
      let(:parser) { new_parser(text: true) }

      # Fails when what does not begin with the magic is kept, in the hope of the end of a line.
      it "is no packet unless it was asked for" do
        [res(:noop)[1..], "OK\n", "H"].each do |bytes|
          expect { new_parser.feed(bytes) }.to raise_error(EVGearman::ProtocolError, "invalid response magic")
        end
      end

      it "comes line by line, between packets" do
        stream = "OK 1.1.20\n#{res(:noop)}rev\t0\t0\t1\n.\nOK\r\n#{res(:no_job)}"
        expect(parser.feed(stream)).to eq [
          [:text, "OK 1.1.20"], [:noop],
          [:text, "rev\t0\t0\t1"], [:text, "."], [:text, "OK"], [:no_job]
        ]
      end

      it "is the same byte by byte" do
        stream = "OK\r\n\n#{res(:noop)}größe\t0\n".b
        packets = stream.each_char.flat_map { |byte| parser.feed(byte) }
        expect(packets).to eq [[:text, "OK"], [:text, ""], [:noop], [:text, "größe\t0"]]
      end

      it "is UTF-8 if it can be" do
        lines = parser.feed("gr\xC3\xB6\xC3\x9Fe\n\xFF\n".b).map(&:last)
        expect(lines.map(&:encoding)).to eq [Encoding::UTF_8, Encoding::BINARY]
      end

      it "has a length that it may not exceed" do
        expect(new_parser(max: 4, text: true).feed("abc\n")).to eq [[:text, "abc"]]
        expect { new_parser(max: 4, text: true).feed("abcd") }
          .to raise_error(EVGearman::ProtocolError, "response text too large")
        expect { new_parser(max: 4, magic: :req, text: true).feed("abcd\n") }
          .to raise_error(EVGearman::ProtocolError, "request text too large")
      end
    end

    describe "a mistake" do
      mistakes = {
        "invalid response magic" => [["\0XXX", 8, 0], 2],
        "unexpected reply: unknown packet type 43" => [["\0RES", 43, 0], 8],
        "unexpected reply: unknown packet type 5" => [["\0RES", 5, 0], 8],
        "unexpected reply: unknown packet type 4294967295" => [["\0RES", 0xffff_ffff, 0], 8],
        "response packet too large" => [["\0RES", 17, (256 * 1024 * 1024) + 1], 12]
      }

      mistakes.each do |message, (fields, len)|
        it "is told with byte #{len}: #{message}" do
          bytes = header(*fields)
          expect(parser.feed(bytes[0, len - 1])).to eq []
          expect { parser.feed(bytes[len - 1]) }.to raise_error(EVGearman::ProtocolError, message)
        end
      end

      it "is a request among responses, and the other way round" do
        expect { parser.feed(encode(:echo_req, "")) }
          .to raise_error(EVGearman::ProtocolError, "invalid response magic")
        expect { new_parser(magic: :req).feed(res(:echo_req, "")) }
          .to raise_error(EVGearman::ProtocolError, "invalid request magic")
      end

      it "is worded for a reader of requests" do
        requests = ->(bytes) { new_parser(magic: :req, max: 3).feed(bytes) }
        expect { requests[header("\0REQ", 43, 0)] }
          .to raise_error(EVGearman::ProtocolError, "unexpected request: unknown packet type 43")
        expect { requests[header("\0REQ", 16, 4)] }
          .to raise_error(EVGearman::ProtocolError, "request packet too large")
        expect { requests["#{header("\0REQ", 7, 3)}abc"] }
          .to raise_error(EVGearman::ProtocolError, "malformed packet")
      end

      it "comes after the packets in front of it, with a block" do
        seen = []
        expect { parser.feed("#{three}\0XXX") { |_, data| seen << data } }
          .to raise_error(EVGearman::ProtocolError)
        expect(seen).to eq %w[1 2 3]
      end

      it "consumes nothing without a block" do
        seen = []
        expect { parser.feed("#{three}\0XXX") }.to raise_error(EVGearman::ProtocolError)
        expect { parser.feed("") { |_, data| seen << data } }
          .to raise_error(EVGearman::ProtocolError)
        expect(seen).to eq %w[1 2 3]
      end

      it "stays one: every further call tells it, and no more bytes are kept" do
        error = [EVGearman::ProtocolError, "invalid response magic"]
        expect { parser.feed("\0XXX") }.to raise_error(*error)
        size = ObjectSpace.memsize_of(parser)
        expect { parser.feed(three * 10_000) }.to raise_error(*error)
        expect(ObjectSpace.memsize_of(parser)).to eq size
      end
    end

    describe "max" do
      it "bounds the body" do
        expect(new_parser(max: 3).feed(res(:echo_res, "abc"))).to eq [[:echo_res, "abc"]]
        expect { new_parser(max: 2).feed(res(:echo_res, "abc")) }
          .to raise_error(EVGearman::ProtocolError, "response packet too large")
        expect(new_parser(max: 0).feed(res(:noop))).to eq [[:noop]]
      end

      [-1, 2**32, 1.5, nil, "1"].each do |max|
        it "is not #{max.inspect}" do
          expect { new_parser(max: max) }.to raise_error(ArgumentError, /max must be an Integer/)
        end
      end
    end

    describe "memory" do
      it "is given back when nothing is left" do
        idle = ObjectSpace.memsize_of(parser)
        parser.feed(res(:echo_res, "x" * 100_000)[0..-2])
        expect(ObjectSpace.memsize_of(parser)).to be > 100_000
        parser.feed("x")
        expect(ObjectSpace.memsize_of(parser)).to eq idle
      end

      it "grows with what came, not with what was announced" do
        parser.feed(["\0RES", 17, 200 * 1024 * 1024].pack("a4NN"))
        expect(ObjectSpace.memsize_of(parser)).to be < 100_000
      end
    end

    describe "lacks" do
      it "tells how many bytes to read" do
        packet = res(:echo_res, "abc")
        expect(parser.lacks).to eq 1
        parser.feed(packet[0])
        expect(parser.lacks).to eq 11
        parser.feed(packet[1, 11])
        expect(parser.lacks).to eq 3
        parser.feed(packet[12, 2])
        expect(parser.lacks).to eq 1
        parser.feed(packet[14])
        expect(parser.lacks).to eq 1
      end

      it "is 1 inside a line" do
        parser = new_parser(text: true)
        parser.feed("OK 1.1")
        expect(parser.lacks).to eq 1
      end

      it "is 0 when something can be told" do
        parser.feed(three) { break }
        expect(parser.lacks).to eq 0
      end
    end
  end

  describe "read_packet" do
    def read(bytes, ...) = described_class.read_packet(StringIO.new(bytes.b), ...)

    it "reads one packet and not a byte more" do
      io = StringIO.new("#{res(:job_created, "H:vm:1")}#{res(:noop)}OK\r\n#{res(:no_job)}")
      packets = 4.times.map { described_class.read_packet(io, text: true) }
      expect(packets).to eq [[:job_created, "H:vm:1"], [:noop], [:text, "OK"], [:no_job]]
      expect(described_class.read_packet(io)).to be_nil
    end

    it "reads requests and responses, or only what it is told to" do
      both = [encode(:can_do, "f"), res(:job_created, "H:1")]
      expect(both.map { |bytes| read(bytes) }).to eq [[:can_do, "f"], [:job_created, "H:1"]]
      expect(read(both[0], magic: :req)).to eq [:can_do, "f"]
      expect { read(both[1], magic: :req) }.to raise_error(EVGearman::ProtocolError, "invalid request magic")
    end

    it "reads what is longer than a piece" do
      expect(read(res(:echo_res, "x" * 3_000_000))).to eq [:echo_res, "x" * 3_000_000]
    end

    it "raises EOFError inside a packet, wherever it ends" do
      packet = res(:echo_res, "abc")
      (1...packet.bytesize).each { |len| expect { read(packet[0, len]) }.to raise_error(EOFError) }
      expect { read("OK", text: true) }.to raise_error(EOFError)
    end

    it "raises for a header, before there is a body" do
      expect { read(header("\0RES", 43, 1)) }
        .to raise_error(EVGearman::ProtocolError, /type 43/)
      expect { read(header("\0RES", 17, 5), max: 4) }
        .to raise_error(EVGearman::ProtocolError, /too large/)
    end

    it "talks with write_packet over a socket" do
      UNIXSocket.pair do |client, server|
        expect(described_class.write_packet(client, :submit_job, "f", "", "w")).to eq 16
        expect(described_class.read_packet(server, magic: :req)).to eq [:submit_job, "f", "", "w"]
        described_class.write_packet(server, :job_created, "H:vm:1", magic: :res)
        expect(described_class.read_packet(client)).to eq [:job_created, "H:vm:1"]
        server.close
        expect(described_class.read_packet(client)).to be_nil
      end
    end
  end

  describe "write_packet" do
    it "writes nothing that is not a packet" do
      io = StringIO.new
      expect { described_class.write_packet(io, :can_do) }.to raise_error(ArgumentError)
      expect(io.string).to be_empty
    end
  end
end
