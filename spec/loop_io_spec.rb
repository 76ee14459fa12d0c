# frozen_string_literal: true

require "socket"
require "tempfile"

RSpec.describe EVGearman::Loop do
  # Closed after the example.
  def sockets = UNIXSocket.pair.tap { |pair| (@ios ||= []).concat(pair) }
  def pipe = IO.pipe.tap { |pair| (@ios ||= []).concat(pair) }

  def descriptors = Dir.children("/proc/self/fd").size

  after { @ios&.each { |io| io.close rescue nil } }

  describe "#io" do
    let(:pair) { sockets }
    let(:ours) { pair.first }
    let(:theirs) { pair.last }
    let(:seen) { [] }

    it "calls the block when there is something to read, and again as long as there is" do
      loop.io(ours, :read) { |event| seen << [event, ours.read_nonblock(1)] }
      expect(loop.run_once(0.01)).to be(false)
      theirs.write("abc")
      eventually { seen.size == 3 }
      loop.run(0.01)
      expect(seen).to eq([[:read, "a"], [:read, "b"], [:read, "c"]])
    end

    it "calls the block when there is room to write" do
      watcher = loop.io(ours, :write) { |event| seen << event }
      eventually { seen.size == 2 }
      ours.write_nonblock("x" * 4096) until full?(ours)
      loop.run(0.02)
      before = seen.size
      loop.run(0.02)
      expect(seen.size).to eq(before)
      theirs.readpartial(1 << 20)
      eventually { seen.size > before }
      watcher.cancel
      expect(seen.uniq).to eq([:write])
    end

    def full?(io) = io.write_nonblock("x", exception: false) == :wait_writable

    it "says for which of both it is ready" do
      loop.io(ours, :read_write) { |event| seen << event && loop.stop }
      loop.run(30)
      theirs.write("x")
      loop.run(30)
      expect(seen).to eq(%i[write read_write])
    end

    it "takes the same IO once for each" do
      loop.io(ours, :write) { |event| seen << event }
      loop.io(ours, :read) { |event| seen << event }
      theirs.write("x")
      loop.run_once(1)
      expect(seen).to match_array(%i[read write])
    end

    it "takes the end of the other side for something to read" do
      loop.io(ours, :read) { |event| seen << [event, ours.read_nonblock(1, exception: false)] && loop.stop }
      theirs.close
      loop.run(30)
      expect(seen).to eq([[:read, nil]])
    end

    it "takes an error for something to read, or to write where only that is watched" do
      reader, writer = pipe
      watcher = loop.io(writer, :write) { |event| seen << event }
      reader.close
      eventually { seen.any? }
      expect(watcher.cancel).to be(watcher)
      loop.io(writer, :read_write) { |event| seen << event }
      eventually { seen.include?(:read_write) }
      expect(seen.uniq).to eq(%i[write read_write])
    end

    it "takes what answers to_io" do
      owner = Struct.new(:to_io).new(ours)
      loop.io(owner, :read) { |event| seen << event && loop.stop }
      theirs.write("x")
      loop.run(30)
      expect(seen).to eq([:read])
    end

    it "finds a regular file always ready" do
      Tempfile.create do |file|
        watcher = loop.io(file, :read_write) { |event| (seen << event).size == 3 && loop.stop }
        expect(loop.run(30)).to be(true)
        watcher.cancel
        expect(seen).to eq(%i[read_write] * 3)
        expect(loop.run_once(0.01)).to be(false)
      end
    end

    it "knows both sides of a process" do
      IO.popen("cat", "r+") do |cat|
        answer = nil
        writer = loop.io(cat, :write) { cat.write_nonblock("hello") && writer.cancel }
        loop.io(cat, :read) { answer = cat.read_nonblock(100) }
        eventually { answer }
        expect(answer).to eq("hello")
      end
    end

    it "reports what the block raises, and calls it again" do
      loop.io(ours, :read) { |_| (seen << 1).size == 2 ? loop.stop : raise("oops") }
      theirs.write("x")
      expect { loop.run(30) }.to output(/\Aevgearman: io raised RuntimeError: oops/).to_stderr
      expect(seen.size).to eq(2)
    end

    it "goes on after a block that was left by throw" do
      loop.io(ours, :read) { |_| (seen << 1).size == 1 ? throw(:out) : loop.stop }
      theirs.write("x")
      catch(:out) { loop.run(30) }
      expect(loop.run(30)).to be(true)
      expect(seen.size).to eq(2)
    end

    # Fails when the watcher goes on while its block waits: the block would be called in itself, without end.
    it "does not call the block while it runs, nor spin while it waits" do
      turns = 0
      loop.io(ours, :read) do
        seen << 1
        loop.each_turn { turns += 1 }
        loop.run(0.1)
        ours.read_nonblock(1)
        loop.stop
      end
      theirs.write("x")
      loop.run(30)
      expect(seen.size).to eq(1)
      expect(turns).to be < 10
    end

    it "is called by a second thread that took over from a block that stands still" do
      other = sockets
      loop.io(ours, :read) { sleep(0.4) && ours.read_nonblock(1) && seen << :slow }
      loop.io(other.first, :read) { other.first.read_nonblock(1) && seen << :quick }
      theirs.write("x")
      threads = Array.new(2) { Thread.new { loop.run(30) } }
      sleep(0.05) # the first is in its block
      other.last.write("x")
      eventually { seen.size == 2 }
      theirs.write("x") # and it goes on
      eventually { seen.size == 3 }
      loop.stop
      threads.each(&:join)
      expect(seen).to eq(%i[quick slow slow])
    end

    describe "cancel" do
      it "is final" do
        watcher = loop.io(ours, :read) { seen << 1 }
        expect(watcher).to be_active
        theirs.write("x")
        expect(watcher.cancel.cancel).to be(watcher)
        expect(watcher).not_to be_active
        loop.run(0.02)
        expect(seen).to be_empty
        expect(ours).not_to be_closed
      end

      it "may be said in the block itself" do
        watcher = loop.io(ours, :read) { seen << 1 && watcher.cancel }
        theirs.write("x")
        loop.run(0.02)
        expect(seen).to eq([1])
      end

      it "may be said by another block of the same turn" do
        watchers = []
        2.times { watchers << loop.io(ours, :read) { seen << 1 && watchers.each(&:cancel) } }
        theirs.write("x")
        loop.run(0.02)
        expect(seen).to eq([1])
      end

      it "may be said while another thread polls, which the descriptor survives" do
        running = Thread.new { loop.run(30) }
        eventually { loop.running? }
        200.times do
          watcher = loop.io(ours, :read) { seen << 1 }
          watcher.cancel
        end
        loop.io(theirs, :write) { loop.stop }
        expect(running.value).to be(true)
        expect(seen).to be_empty
      end

      it "gives back what it holds" do
        loop.io(ours, :read) { nil }.cancel
        loop.run_once(0)
        before = descriptors
        100.times { loop.io(ours, :read) { nil }.cancel }
        loop.run_once(0)
        expect(descriptors).to be <= before
      end
    end

    describe "of an IO that is closed without a word" do
      # Fails, by an abort, when libev watches the descriptor itself.
      it "is not called any more" do
        watcher = loop.io(ours, :read_write) { seen << 1 && ours.close }
        loop.run(0.02)
        expect(seen).to eq([1])
        expect(watcher).not_to be_active
        expect(theirs.read).to eq("")
      end

      it "does not keep the other side from hearing of it while another thread polls" do
        loop.io(ours, :read) { seen << 1 }
        running = Thread.new { loop.run(30) }
        eventually { loop.running? }
        ours.close
        expect(theirs.wait_readable(5) && theirs.read).to eq("")
        loop.stop
        running.join
        expect(seen).to be_empty
      end

      it "says nothing of the next that gets its number" do
        loop.io(ours, :read) { seen << :old }
        number = ours.fileno
        ours.close
        again = []
        again << sockets until again.flatten.any? { |io| io.fileno == number }
        io, peer = again.last.partition { |one| one.fileno == number }.map(&:first)
        peer.write("x")
        loop.run(0.02)
        expect(seen).to be_empty
        loop.io(io, :read) { seen << :new && loop.stop }
        loop.run(30)
        expect(seen).to eq([:new])
      end

      it "is let go, when there have been some" do
        kept = Array.new(500) { sockets.first.tap { |io| loop.io(io, :read) { nil } }.tap(&:close) }
        expect(loop.watchers).to be_empty
        expect(kept).to all(be_closed)
        before = descriptors
        500.times { sockets.each { |io| loop.io(io, :read) { nil } }.each(&:close) }
        loop.run_once(0)
        expect(descriptors - before).to be < 100
      end

      it "may be one of many, in a storm of threads" do
        running = Thread.new { loop.run }
        eventually { loop.running? }
        storm = Array.new(4) do
          Thread.new do
            200.times do |n|
              io, peer = UNIXSocket.pair
              watcher = loop.io(io, :read_write) { |event| event == :read && io.read_nonblock(1, exception: false) }
              peer.write("x") if n.odd?
              watcher.cancel if (n % 3).zero?
              n.even? ? [io, peer].each(&:close) : Thread.pass
              io.close
              peer.close
            end
          end
        end
        storm.each { |thread| expect(thread.join(60)).to be(thread) }
        loop.stop
        expect(running.value).to be(true)
        expect(loop.watchers).to be_empty
      end
    end

    it "wakes a thread that turns the loop already" do
      running = Thread.new { loop.run(30) }
      eventually { loop.running? }
      loop.io(ours, :write) { loop.stop }
      expect(running.value).to be(true)
    end

    it "is alive while it is active, though nobody holds it" do
      loop.io(ours, :read) { seen << 1 && loop.stop }
      GC.start
      theirs.write("x")
      loop.run(30)
      expect(seen).to eq([1])
    end

    it "does not outlive its loop" do
      own = described_class.new
      watcher = own.io(ours, :read) { seen << 1 }
      theirs.write("x")
      own.close
      expect(watcher).not_to be_active
      watcher.cancel
      expect(seen).to be_empty
      expect { own.io(ours, :read) { nil } }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
      expect { own.each_turn { nil } }.to raise_error(EVGearman::ConnectionError, /\Aclosed/)
    end

    it "may be collected with its loop, in any order" do
      Thread.new do
        100.times do
          own = described_class.new
          things = [own, own.io(ours, :read) { nil }, own.io(theirs, :write) { nil }.cancel, own.each_turn { nil }]
          own.run_once(0) if rand < 0.5
          things.shuffle.drop(rand(4))
        end
      end.join
      2.times { GC.start }
      loop.io(ours, :write) { loop.stop }
      expect(loop.run(30)).to be(true)
    end

    it "refuses what it cannot watch" do
      expect { loop.io(ours, :read) }.to raise_error(ArgumentError, "io needs a block")
      expect { loop.io(ours, :readable) { nil } }.to raise_error(ArgumentError, /:read, :write or :read_write, not :readable/)
      expect { loop.io(ours, nil) { nil } }.to raise_error(ArgumentError)
      expect { loop.io("socket", :read) { nil } }.to raise_error(TypeError)
      ours.close
      expect { loop.io(ours, :read) { nil } }.to raise_error(IOError, /closed/)
    end

    it "has a forked child in which it is not active, and goes on in the parent" do
      watcher = loop.io(ours, :read) { seen << ours.read_nonblock(1) }
      loop.run_once(0)
      theirs.write("x")
      answer = forked do
        loop.run(0.05)
        called = []
        loop.io(ours, :read) { called << :child && loop.stop }
        loop.run(10)
        [watcher.active?, seen, called, watcher.cancel.equal?(watcher)]
      end
      expect(answer).to eq([false, [], [:child], true])
      expect(watcher).to be_active
      eventually { seen == ["x"] }
    end

    # Fails when what the child has left open is told of again and again.
    it "may be closed in the parent while a forked child keeps the file" do
      loop.io(ours, :read) { seen << 1 }
      loop.run_once(0)
      IO.pipe do |reader, writer|
        pid = fork { writer.close || reader.read || exit!(0) }
        reader.close
        ours.close
        theirs.write("x")
        turns = 0
        loop.each_turn { turns += 1 }
        loop.run(0.05)
        expect(turns).to be < 10
        writer.close
        Process.wait(pid)
      end
      expect(seen).to be_empty
    end

    it "may have its child forked in its own block" do
      answer = nil
      loop.io(ours, :read) do
        ours.read_nonblock(1)
        answer = forked { loop.run(0.02) ? :stopped : :timed_out }
        loop.stop
      end
      theirs.write("x")
      expect(loop.run(30)).to be(true)
      expect(answer).to eq(:timed_out)
    end
  end

  describe "#each_turn" do
    it "calls the block once in each turn, behind the other blocks" do
      seen = []
      loop.each_turn { seen << :turn }
      loop.post { seen << :post }
      loop.after(0) { seen << :timer }
      2.times { expect(loop.run_once(0)).to be(true) }
      expect(seen.count(:turn)).to eq(2)
      expect(seen.index(:turn)).to be > seen.index(:post)
    end

    it "does not wake the loop" do
      turns = 0
      loop.each_turn { turns += 1 }
      loop.run(0.05)
      expect(turns).to be < 10
    end

    it "is cancelled from anywhere" do
      seen = []
      second = nil
      first = loop.each_turn { seen << :first && second.cancel }
      second = loop.each_turn { seen << :second }
      loop.run_once(0)
      expect(first.cancel).not_to be_active
      loop.run_once(0)
      expect(seen).to eq([:first])
    end

    it "may wait for something of the loop, in whose turns it is not called again" do
      depth = deepest = 0
      loop.each_turn do
        deepest = [deepest, depth += 1].max
        loop.run(0.01)
        depth -= 1
      end
      3.times { loop.run_once(0) }
      expect(deepest).to eq(1)
    end

    it "needs a block" do
      expect { loop.each_turn }.to raise_error(ArgumentError, "each_turn needs a block")
    end
  end

  describe "#watchers" do
    it "tells what is on the loop" do
      ours, = sockets
      server = fake_server
      loop.every(1) { nil }
      loop.after(0.5) { nil }
      loop.io(ours, :read) { nil }
      loop.each_turn { nil }
      client_for(server).echo("x")
      worker_for(server)
      expect(loop.watchers).to match(
        ["timer every 1.0 s", /\Atimer in 0\.\d+ s\z/, "read #{ours.inspect}", "each_turn #{__FILE__}:#{__LINE__ - 4}",
         "client #{server.url} connecting", "worker #{server.url} idle"]
      )
    end

    it "does not tell of what was cancelled, called or closed" do
      [loop.after(60) { nil }, loop.every(60) { nil }, loop.io(sockets.first, :read) { nil }, loop.each_turn { nil }].each(&:cancel)
      loop.io(sockets.first, :read) { nil }
      @ios.each(&:close)
      loop.after(0) { loop.stop }
      loop.run(30)
      expect(loop.watchers).to eq([])
    end

    it "is empty when the loop is closed" do
      loop.after(60) { nil }
      loop.close
      expect(loop.watchers).to eq([])
    end

    it "has members that show themselves" do
      ours, = sockets
      expect(loop.io(ours, :read) { nil }.inspect).to eq("#<EVGearman::Loop::Watcher read #{ours.inspect}>")
      expect(loop.each_turn { nil }.cancel.inspect).to end_with(" (not active)>")
      expect(loop.every(2) { nil }.inspect).to eq("#<EVGearman::Loop::Timer timer every 2.0 s>")
      expect(loop.after(2) { nil }.cancel.inspect).to eq("#<EVGearman::Loop::Timer timer (not active)>")
    end
  end
end
