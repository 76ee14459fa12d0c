# frozen_string_literal: true

# What Ruby itself does with objects: copies them, lists them, shows them half made, calls Kernel's methods on them.
RSpec.describe "Objects" do
  made = {
    "Client" => -> { client_for(fake_server) }, "Worker" => -> { worker_for(fake_server) }, "Loop" => -> { loop },
    "Parser" => -> { EVGearman::Protocol::Parser.new }, "ClientSession" => -> { EVGearman::Protocol::ClientSession.new },
    "WorkerSession" => -> { EVGearman::Protocol::WorkerSession.new },
    "Window" => -> { EVGearman::Client.const_get(:Window).allocate }
  }

  describe "that are half made" do
    (made.keys - %w[Window]).each do |name|
      it "show themselves (#{name})" do
        empty = instance_exec(&made[name]).class.allocate
        expect(empty.inspect).to match(/\A#<\S*#{name}\b[^\n]*>\z/)
      end
    end

    it "are of no use (Parser)" do
      expect { EVGearman::Protocol::Parser.allocate.feed("x") }.to raise_error(TypeError, /uninitialized/)
    end

    # Ruby shows the receiver in the message.
    it "do not get in the way of Ruby's own words" do
      broken = Class.new(EVGearman::Worker) { def initialize = no_such_thing(super) }
      expect { broken.new }.to raise_error(NameError, /no_such_thing/)
    end
  end

  describe "that cannot be copied" do
    made.each do |name, make|
      it "say so in Ruby's words (#{name})" do
        object = instance_exec(&make)
        %i[dup clone].each { |copy| expect { object.public_send(copy) }.to raise_error(TypeError, /\Acan't copy \S+#{name}\z/) }
      end
    end

    it "say so without an allocator, too" do
      objects = [client_for(fake_server).echo("x"), loop.after(60) { nil }, loop.each_turn { nil }]
      objects.each { |object| expect { object.dup }.to raise_error(TypeError, /\Aallocator undefined/) }
    end
  end

  # Fails when an Array holds what is no object to Ruby: who walks through all Arrays meets NotImplementedError.
  it "hide what Ruby does not know" do
    worker = worker_for(fake_server)
    3.times { |n| worker.register_function("f#{n}") { nil } }
    worker.cant_do("f1")
    stranger = Object.new # to compare with: that is cheap, where showing an element may show all of RSpec
    unknown = ObjectSpace.each_object(Array).count do |array|
      array.include?(stranger) && false
    rescue NotImplementedError
      true
    rescue StandardError
      false
    end
    expect(unknown).to eq(0)
  end

  # Fails when the GC takes an object with megabytes behind it for a small one.
  describe "that hold memory of the core" do
    let(:large) { "x" * 30_000_000 }

    # What the GC heard of while the block ran: bytes since its last run.
    def heard
      GC.start
      GC.disable
      before = GC.stat(:malloc_increase_bytes)
      yield
      GC.stat(:malloc_increase_bytes) - before
    ensure
      GC.enable
    end

    it "tell the GC (a Client)" do
      client = client_for(fake_server(prologue: false), max_packet: 40_000_000).connect
      eventually { client.connected? }
      large
      expect(heard { client.echo(large) && loop.run_once(0) }).to be > 20_000_000
    end

    it "tell the GC (a session), also that they hold it no more" do
      session = EVGearman::Protocol::ClientSession.new(max_packet: 40_000_000)
      large
      expect(heard { session.echo(large) }).to be > 20_000_000
      expect(heard { session.echo(large) && session.disconnect }).to be < 10_000_000
    end

    it "tell the GC (a Parser)" do
      half = EVGearman::Protocol.encode(:echo_res, large, magic: :res).byteslice(0, 29_000_000)
      parser = EVGearman::Protocol::Parser.new
      expect(heard { parser.feed(half) }).to be > 20_000_000
    end
  end

  describe "of subclasses" do
    it "have Kernel's `loop` when they give it a block" do
      counting = Class.new(EVGearman::Client) do
        def count(most)
          n = 0
          loop { (n += 1) == most and raise StopIteration }
          n
        end
      end
      client = keep(counting.new(loop: loop))
      expect(client.count(3)).to eq(3)
      expect(client.loop).to equal(loop)
    end

    it "are not made by `default`: the process has one loop" do
      special = Class.new(EVGearman::Loop) { def initialize(name) = super() && (@name = name) }
      expect(special.default).to equal(EVGearman::Loop.default).and be_an_instance_of(EVGearman::Loop)
    end
  end

  # Neither is text in one encoding.
  it "show themselves whatever their names are" do
    server = fake_server { |peer| peer.expect(:submit_job) && peer.send(:job_created, "H:\xFF") }
    task = client_for(server).submit_job("größe\tx")
    eventually { task.handle }
    expect(task.inspect).to eq("#<EVGearman::Task größe\\tx H:? created>")
    odd = Struct.new(:to_io) { def inspect = raise("oops") }.new(IO.pipe.first)
    expect(loop.io(odd, :read) { nil }.inspect).to match(/\A#<EVGearman::Loop::Watcher:?/)
  end
end
