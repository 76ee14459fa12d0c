# frozen_string_literal: true

require "socket"

# What people do to a server who mean it no good, or whose programs are broken: it costs them their own connection, and
# nobody else anything. A client and a worker beside them are asked, meanwhile and afterwards, whether they noticed.
RSpec.describe EVGearman::Server, "and hostile peers" do
  let(:options) { {} }
  let(:server) { embedded(**options) }

  include_context "with those who behave"

  MIB = 1024 * 1024

  before { @rss = rss }

  def rss = File.read("/proc/self/statm").split[1].to_i * 4096

  # What it takes, beside what the examples themselves do.
  def expect_growth(most)
    expect(rss - @rss).to be < most unless Requirements.sanitized? # which keep what is freed
  end

  def header(type, length, magic: "\0REQ") = [magic, type, length].pack("a4NN")
  def packet(name, *args) = EVGearman::Protocol.encode(name, *args)

  # What comes until the other side closes; it may do so while we write.
  def rest(socket)
    raise "the server keeps the connection" unless socket.wait_readable(Examples::PATIENCE)

    said = "".b
    Kernel.loop { said << socket.readpartial(65_536) }
  rescue EOFError, Errno::ECONNRESET
    said
  end

  # The same again and again, as much of it as is taken.
  class Flood
    def initialize(socket, bytes)
      @socket = socket
      @bytes = bytes.b
      @left = ""
    end

    # Answers how much that was this time; nil when the connection is cut.
    def pour
      count = 0
      while (written = pour_once) != :wait_writable
        count += written
      end
      count
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil
    end

    private

    def pour_once
      @left = @bytes if @left.empty?
      written = @socket.write_nonblock(@left, exception: false)
      @left = @left.byteslice(written..) unless written == :wait_writable
      written
    end
  end

  # He is not listened to any more until he reads: then what he says lies with himself.
  def until_deaf(flood) = eventually { flood.pour.tap { unharmed } == 0 }

  def cuts(&block)
    before = stats.call[:connections_cut]
    block.call
    eventually { stats.call[:connections_cut] > before }
  end

  describe "one packet that is wrong" do
    {
      "another magic" => "\0XXX\0\0\0\x10\0\0\0\0", "a magic that is cut off by a line" => "\0RE\n",
      "type 0" => [0, ""], "the first unknown type" => [43, ""], "type 0x7FFFFFFF" => [0x7FFF_FFFF, ""],
      "type 0x80000000" => [0x8000_0000, ""], "type 0xFFFFFFFF" => [0xFFFF_FFFF, ""],
      "an unknown type of 4 GiB" => "\0REQ\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
      "a submission with no NUL" => [7, "nonul"], "a submission with one" => [7, "f\0u"],
      "a submission without a body" => [18, ""], "a delayed one without its time" => [36, "f\0u\0now"],
      "a reduced one without its reducer" => [37, "f\0u\0x"],
      "a time limit without its time" => [23, "f"], "a result without its job" => [13, ""],
      "progress without its numbers" => [12, "H:x:1"], "progress without one of them" => [12, "H:x:1\x001"],
      "an echo of 4 GiB" => "\0REQ\0\0\0\x10\xFF\xFF\xFF\xFF", "an ability of 1 GiB" => "\0REQ\0\0\0\x01\x40\0\0\0",
      "an answer of 1 GiB" => "\0RES\0\0\0\x11\x40\0\0\0"
    }.each do |what, (number, body)|
      it "ends its connection: #{what}" do
        bytes = number.is_a?(String) ? number.b : header(number, body.bytesize) + body.b
        cuts { expect(wire(server).write(packet(:echo_req, "before") + bytes).last_words).to eq([[:echo_res, "before"]]) }
        expect_growth(32 * MIB)
      end
    end

    # What is no request, what is known to nobody, and what is too long: an error, and it goes on.
    foreign = %w[work_data work_warning work_status work_complete work_fail work_exception].to_h do |name|
      args = { "work_status" => %w[1 2], "work_fail" => [] }.fetch(name, ["x"])
      ["#{name} for a job of nobody's", [[:error, "JOB_NOT_FOUND", String], [name.to_sym, "H:nobody:1", *args]]]
    end
    answered = foreign.merge(
      "work_fail with a long handle" => [[:error, "ARGUMENT_TOO_LARGE", String], [:work_fail, "H" * 80]],
      "work_complete with a long handle" => [[:error, "JOB_NOT_FOUND", String], [:work_complete, "H" * 500, "x"]],
      "a status of a long handle" => [[:error, "ARGUMENT_TOO_LARGE", String], [:get_status, "H" * 64]],
      "a status of a long key" => [[:error, "ARGUMENT_TOO_LARGE", String], [:get_status_unique, "k" * 64]],
      "a time beyond all times" => [[:error, "ARGUMENT_TOO_LARGE", String], [:submit_job_epoch, "f", "", (2**63).to_s, ""]],
      "a long key" => [[:error, "ARGUMENT_TOO_LARGE", String], [:submit_job_bg, "f", "k" * 65, ""]],
      "a long function" => [[:error, "ARGUMENT_TOO_LARGE", String], [:submit_job_bg, "f" * 5000, "", ""]],
      "an ability with a long name" => [[:error, "ARGUMENT_TOO_LARGE", String], [:can_do, "f" * 5000]],
      "an unknown option" => [[:error, "UNKNOWN_OPTION", String], [:option_req, "nonsense"]],
      "no option" => [[:error, "UNKNOWN_OPTION", String], [:option_req, ""]],
      "all_yours" => [[:error, "INVALID_COMMAND", String], [:all_yours]],
      "submit_job_sched" => [[:error, "INVALID_COMMAND", String], [:submit_job_sched, "f", "", *["*"] * 5, ""]],
      "an empty echo" => [[:echo_res, ""], [:echo_req, ""]],
      "a function without a name" => [[:job_created, String], [:submit_job_bg, "", "", ""]],
      "a status of nothing" => [[:status_res, "", "0", "0", "0", "0"], [:get_status, ""]]
    )
    answered.each do |what, (reply, request)|
      it("is answered: #{what}") { expect(wire(server).answer(*request)).to match(reply) }
    end

    it "is answered: what only a server says, as a request or as an answer" do
      raw = wire(server)
      EVGearman::Protocol::COMMANDS.each_value do |row|
        body = Array.new(row[:args], "x").join("\0")
        asked = raw.say_raw(row[:number], body, magic: "\0RES").heard
        expect([row, asked]).to match([row, [[:error, "INVALID_MAGIC", String]]])
        next if row[:senders].any? { |sender| %i[client worker].include?(sender) }

        expect([row, raw.say_raw(row[:number], body).heard]).to match([row, [[:error, "INVALID_COMMAND", String]]])
      end
    end
  end

  describe "jobs of others" do
    it "are not ended, nor told anything, by who does not hold them" do
      name = function
      task = client.submit_job(name, "x", timeout: Examples::PATIENCE)
      handle = eventually { task.handle }
      holder = wire(server).say(:can_do, name)
      thief = wire(server).say(:can_do, name)
      refusal = [:error, "JOB_NOT_FOUND", String]
      expect(thief.answer(:work_complete, handle, "before anybody has it")).to match(refusal)
      expect(holder.say(:grab_job).heard).to eq([[:job_assign, handle, name, "x"]])
      expect(thief.answer(:work_complete, handle, "stolen")).to match(refusal)
      expect(thief.answer(:work_fail, handle)).to match(refusal)
      expect(thief.answer(:work_data, handle, "stolen")).to match(refusal)
      expect(holder.say(:work_complete, handle, "right").say(:work_complete, handle, "twice").heard).to match([refusal])
      expect(task.value).to eq("right")
    end

    it "are listed in lines and columns, whatever functions and workers are called" do
      raw = wire(server)
      raw.say(:can_do, "a\tb\nc 1\r\n.\n").say(:can_do, ".").say(:set_client_id, "me\n0 1.2.3.4 fake : #{safe}").heard
      expect(server.ask("status").map { |line| line.count("\t") }).to all(be_between(3, 4)) # one in its name
      expect(server.ask("status").size).to eq(3)
      expect(server.ask("workers").size).to eq(4) # who asks, too
    end
  end

  describe "lengths that are announced" do
    { "the most that is allowed" => 64 * MIB, "1 GiB" => 1024 * MIB, "2 GiB" => 2048 * MIB, "4 GiB" => (4096 * MIB) - 1 }
      .each do |what, length|
      it "cost nothing, from twenty at once: #{what}" do
        peers = Array.new(20) { connect }
        types = %i[submit_job submit_job_bg work_data work_complete echo_req can_do]
        numbers = types.map { |name| EVGearman::Protocol::COMMANDS[name][:number] }
        peers.each_with_index { |peer, n| peer.write(header(numbers[n % numbers.size], length) + "name") }
        unharmed
        expect_growth(32 * MIB)
        expect(stats.call).to include(memory: be < MIB, jobs_queued: 0, connections: be_between(2, 22))
      end
    end

    # Over max_packet, and it comes: a submission is refused and passed over, in no more room than a read takes.
    it "cost nothing when it all comes, and is too much" do
      peer = wire(server)
      expect(peer.write(header(18, 65 * MIB)).write("f\0\0").write("x" * ((65 * MIB) - 3)).heard)
        .to match([[:error, "ARGUMENT_TOO_LARGE", String]])
      expect(stats.call).to include(memory: be < MIB, jobs_refused: 1)
      unharmed
    end
  end

  describe "packets that come in parts" do
    it "are nothing, when the rest never comes" do
      whole = packet(:submit_job_bg, "half", "key", "x" * 20)
      (0...whole.bytesize).each { |length| connect.write(whole.byteslice(0, length)) }
      unharmed
      @wires.each(&:close)
      eventually { stats.call[:connections] == 2 }
      expect(stats.call).to include(jobs_submitted: @words, functions: 1)
    end

    it "are whole, when it comes byte by byte, on many connections at once" do
      peers = Array.new(200) { wire(server) }
      whole = packet(:submit_job_bg, "slow", "", "x") + packet(:echo_req, "slowly")
      whole.each_char.with_index do |byte, n|
        peers.each { |peer| peer.write(byte) }
        unharmed if n % 10 == 0
      end
      expect(peers.map(&:heard)).to all(match([[:job_created, String], [:echo_res, "slowly"]]))
      expect(stats.call).to include(connections: 202, jobs_queued: 200)
    end

    it "are lines, too" do
      peer = connect
      "version\n".each_char { |byte| peer.write(byte) && unharmed }
      expect(peer.gets).to start_with("OK")
    end
  end

  describe "connections that say nothing" do
    let(:options) { { max_connections: 1000 } }

    around do |example|
      soft, hard = Process.getrlimit(:NOFILE)
      Process.setrlimit(:NOFILE, [hard, 4096].min, hard) if soft < 4096
      example.run
    ensure
      Process.setrlimit(:NOFILE, soft, hard)
    end

    it "are as many as there is room for, and cost little" do
      Array.new(998) { connect }
      eventually { stats.call[:connections] == 1000 }
      over = Array.new(10) { connect }
      expect(over.map { |peer| rest(peer) }).to all(eq(""))
      expect(stats.call).to include(connections: 1000, connections_refused: 10, memory: be < MIB)
      unharmed
      expect_growth(32 * MIB)
      @wires.shift(500).each(&:close)
      eventually { stats.call[:connections] == 500 }
      expect(wire(server).heard).to eq([])
    end
  end

  describe "text" do
    it "ends its connection when a line does not end" do
      peer = connect
      flood = Flood.new(peer, "x" * 65_536)
      cuts { eventually { !flood.pour } }
      expect(rest(peer)).to eq("")
      expect_growth(32 * MIB)
    end

    it "is answered line by line, however senseless" do
      peer = connect
      peer.write("OK\n" * 10 + "\n \n\t\t\n" + "STATUS x\n" + "maxqueue\nshow\ncancel\n" + "\x01\x02\xFF\n".b)
      peer.close_write
      expect(rest(peer).lines.grep(/\AERR /).size).to be >= 14
    end

    # Ten words are too many.
    it "is not taken apart without end" do
      peer = connect
      peer.write("#{"a " * 500}\n")
      peer.close_write
      expect(rest(peer)).to match(/\A(ERR .*\r\n)?\z/)
    end

    it "does not pile up for who asks and does not read" do
      wire(server).tap { |raw| 1000.times { |n| raw.say(:can_do, "f" * 400 + n.to_s) } }.heard
      until_deaf(Flood.new(connect, "status\nworkers\n" * 1000))
      expect_growth(128 * MIB)
      expect(stats.call[:memory]).to be < MIB
    end
  end

  describe "who never reads" do
    # 100,000 events of a foreground job. The kernel holds some megabytes of them, too. Answers who waits
    # for it, and how many bytes were told before he was cut.
    def events(size)
      name = function
      reader = wire(server).say(:submit_job, name, "", "")
      teller = wire(server).say(:can_do, name)
      eventually { server.server.jobs.any? { |job| job.function == name } }
      handle = teller.say(:grab_job).heard.dig(0, 1)
      thousand = packet(:work_data, handle, "x" * size) * 1000
      before = 100.times.count { tell(teller, thousand) && stats.call[:connections_cut] == 0 }
      expect(teller.say(:work_complete, handle, "").heard).to eq([])
      [reader, before * thousand.bytesize]
    end

    def tell(teller, bytes)
      expect(teller.write(bytes).heard).to eq([])
      unharmed
    end

    it "is cut when more waits for him than there is room for, and nobody else notices" do
      reader, before = events(1500)
      expect([stats.call[:connections_cut], before]).to match([1, be_between(60 * MIB, 130 * MIB)])
      expect_growth(256 * MIB)
      expect(server.server.jobs).to eq([])
      expect(reader.last_words.map(&:first).tally).to match(job_created: 1, work_data: be < 100_000)
    end

    # Each event is told to each submission: 100,000,000 times, if it were not for the end of who made them.
    it "does not make others wait by having asked 50,000 times" do
      name = function
      asker = wire(server)
      asker.write(packet(:submit_job, name, "key", "") * 50_000).heard
      teller = wire(server).say(:can_do, name)
      handle = teller.say(:grab_job).heard.dig(0, 1)
      cuts { teller.write(packet(:work_data, handle, "x" * 20) * 2000) }
      expect(teller.heard).to eq([])
      unharmed
      expect(stats.call).to include(jobs_joined: 49_999, memory: be < 1000, packets_out: be < 10_000_000)
      teller.say(:work_complete, handle, "").heard
    end

    context "with little room" do
      let(:options) { { max_buffer: 65_536 } }

      it "is cut the sooner" do
        reader, before = events(500)
        expect([stats.call[:connections_cut], before]).to match([1, be < 40 * MIB])
        expect_growth(32 * MIB)
        expect(reader.last_words.first).to match([:job_created, String])
      end

      it "gets no longer list than that" do
        wire(server).tap { |raw| 1000.times { |n| raw.say(:can_do, "f" * 400 + n.to_s) } }.heard
        %w[status workers].each do |line|
          peer = connect
          cuts { peer.write("#{line}\n") }
          expect(rest(peer).bytesize).to be_between(1, 66_000)
        end
      end

      it "is not listened to any more, either" do
        until_deaf(Flood.new(connect, packet(:echo_req, "x" * 10_000) * 10))
        expect_growth(32 * MIB)
        expect(stats.call[:connections_cut]).to eq(0)
      end
    end
  end

  describe "jobs without end" do
    let(:options) { { max_jobs: 1000, max_functions: 100 } }

    it "are refused when there are too many, of however many functions" do
      raw = wire(server)
      2000.times { |n| raw.say(:submit_job_bg, "f#{n % 10}", "", "x") }
      replies = raw.heard.map { |type, code,| type == :error ? code : type }.tally
      expect(replies).to eq(:job_created => 1000, "QUEUE_ERROR" => 1000)
      200.times { |n| raw.say(:can_do, "ability #{n}") }
      expect(raw.heard.map { |_, code,| code }.tally).to match("QUEUE_ERROR" => be_between(100, 111))
      expect(stats.call).to include(jobs_queued: 1000, functions: be <= 100, memory: be < MIB)
      raw.close
      eventually { stats.call[:workers] == 1 }
      taker = wire(server)
      10.times { |n| taker.say(:can_do, "f#{n}") }
      1000.times { taker.say(:grab_job) }
      taker.heard.each { |_, handle,| taker.say(:work_complete, handle, "") }
      expect(taker.heard).to eq([])
    end
  end

  describe "random streams" do
    # Streams of packets and lines, most of them damaged somewhere.
    class Streams
      KINDS = %i[noise whole whole damaged damaged lengthened cut_short text packets packets].freeze
      NAMES = %w[a b c d].freeze
      LINES = ["status", "workers", "version", "maxqueue a 10", "show jobs", "show unique jobs", "getpid", "verbose",
               "cancel job X:1", "create function e", "drop function e", "prioritystatus", "shutdown", ""].freeze

      def initialize(random)
        @random = random
      end

      def one = send(KINDS.sample(random: @random))

      private

      def noise = @random.bytes(@random.rand(1..200))

      def whole
        name, row = EVGearman::Protocol::COMMANDS.to_a.sample(random: @random)
        args = Array.new(row[:args]) { argument }
        EVGearman::Protocol.encode(name, *args, magic: @random.rand(10) == 0 ? :res : :req)
      end

      def argument
        case @random.rand(6)
        when 0, 1 then NAMES.sample(random: @random)
        when 2 then "X:#{@random.rand(1..200)}"
        when 3 then @random.rand(1 << 40).to_s
        when 4 then "x" * @random.rand(600)
        else @random.bytes(@random.rand(20)).tr("\0", "0")
        end
      end

      def damaged
        bytes = whole.dup
        @random.rand(1..3).times { bytes.setbyte(@random.rand([bytes.bytesize, 40].min), @random.rand(256)) }
        bytes
      end

      def lengthened = whole.dup.tap { |bytes| bytes[8, 4] = [@random.rand(1 << @random.rand(33))].pack("N") }
      def cut_short = whole.then { |bytes| bytes.byteslice(0, @random.rand(bytes.bytesize)) }
      def text = "#{LINES.sample(random: @random)}#{["\n", "\r\n", " x\n", "\0\n"].sample(random: @random)}".b
      def packets = Array.new(@random.rand(2..8)) { whole }.join
    end

    COUNT = 10_000
    EACH = 2 # to a connection, unless it is cut before

    let(:options) { { handle_prefix: "X" } }

    # Into what is cut already nothing more can be said.
    def offer(socket, bytes)
      socket.write(bytes)
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil
    end

    # Nothing is known of the answers but that they end, because we do.
    def hear_out(socket)
      socket.close_write
      rest(socket)
    rescue Errno::ENOTCONN
      nil
    ensure
      socket.close
    end

    it "harm nobody" do
      seed = ENV.fetch("HOSTILE_SEED", 20_261_129).to_i
      streams = Streams.new(Random.new(seed))
      (COUNT / EACH).times do |n|
        said = Array.new(EACH) { streams.one }
        peer = TCPSocket.new(server.host, server.port)
        said.each { |stream| offer(peer, stream) }
        hear_out(peer)
        unharmed if n % 100 == 0
      end
      expect(stats.call).to include(memory: be < 64 * MIB, jobs_running: 0)
      expect(stats.call).to include(jobs_submitted: be > 500, connections_cut: be > 500) # else they were no streams of ours
      expect_growth(128 * MIB)
    rescue RSpec::Expectations::ExpectationNotMetError, StandardError => e
      raise e, "HOSTILE_SEED=#{seed}: #{e.message}", e.backtrace
    end
  end
end
