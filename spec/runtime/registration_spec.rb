# frozen_string_literal: true

require "evgearman/runtime"
require "stringio"

RSpec.describe EVGearman::Runtime do
  let(:registry) { described_class::Registry.new }
  let(:output) { StringIO.new }

  before { allow(described_class).to receive(:registry).and_return(registry) }

  def settings(flags = {}) = EVGearman::Settings.load(flags, env: {}, environment: "test")
  def log(**flags) = described_class::Log.new(settings(flags), output)

  it "takes a block or a callable for a function, and the options of register_function" do
    described_class.register("f", timeout: 3) { 1 }
    described_class.register("g", handler = -> {})
    expect(registry.handlers.transform_values(&:options)).to eq("f" => { timeout: 3 }, "g" => {})
    expect(registry.handlers["g"].callable).to be(handler)
    expect { described_class.register("h") }.to raise_error(ArgumentError, /a handler must be a block/)
    expect { described_class.register("h", handler) { 1 } }.to raise_error(ArgumentError, /not both/)
  end

  it "refuses events that there are not" do
    expect { described_class.on(:start) { 1 } }.to raise_error(ArgumentError, /no event :start: fork, startup, /)
    expect { described_class.on(:startup) }.to raise_error(ArgumentError, /block/)
    expect { described_class.on_error }.to raise_error(ArgumentError, /block/)
    expect { described_class.new({}) }.to raise_error(ArgumentError, /must be Settings/)
  end

  it "goes on when a hook or an error handler raises" do
    registry.log = log
    told = []
    described_class.on(:startup) { raise "hook" }
    described_class.on(:startup) { told << "second hook" }
    described_class.on_error { raise "handler" }
    described_class.on_error { |error, context| told << [error.message, context] }
    registry.announce(:startup)
    expect(told).to eq([["hook", { where: "startup" }], "second hook"])
    expect(output.string).to match(/ERROR RuntimeError: hook where=startup .*\n.* ERROR an error handler raised RuntimeError: handler/)
  end

  describe "functions" do
    def functions(flags = {}) = described_class::Functions.new(settings(flags), registry)

    it "are those that were registered, or some of them, in their order" do
      %w[a b c].each { |name| described_class.register(name) { name } }
      expect(functions.all.keys).to eq(%w[a b c])
      expect(functions(functions: "c,a").all.keys).to eq(%w[c a])
      expect { functions(functions: "d") }.to raise_error(described_class::Failure, "nothing is registered for function d")
    end

    it "are announced with the most urgent one last, which gearmand takes first" do
      %w[a b].each { |name| described_class.register(name, timeout: 1) { name } }
      worker = worker_for(shared_server)
      functions.announce(worker, described_class::Performance.new(registry, log))
      expect(worker.functions).to eq(%w[b a])
    end
  end

  describe "middleware" do
    let(:chain) { described_class.middleware }
    let(:calls) { [] }

    def around(name) = ->(job, &inner) { calls << "#{name} before #{job}" and inner.call.tap { calls << "#{name} after" } }

    it "is around a job, the first outermost" do
      chain.use(around("a")).use(around("b")).prepend(around("c"))
      expect(chain.call("job") { calls.push("job").size }).to eq(4)
      expect(calls).to eq(["c before job", "a before job", "b before job", "job", "b after", "a after", "c after"])
    end

    it "is made of a class, with its arguments, and can be taken out" do
      klass = Struct.new(:word, :calls) { def call(_job) = calls << word && yield }
      chain.use(klass, "hello", calls)
      expect(chain.call("job") { 5 }).to eq(5)
      chain.remove(klass)
      chain.call("job") { 5 }
      expect([calls, chain.to_a]).to eq([["hello"], []])
      expect { chain.use(Object) }.to raise_error(ArgumentError, /must answer `call`/)
    end

    it "may do without what it is around" do
      chain.use(->(_job) { "mine" })
      expect(chain.call("job") { raise }).to eq("mine")
    end
  end

  describe "its log" do
    it "is text, one line each, with what is known behind" do
      log.info("done\nnow", function: "a b", elapsed: 0.123456, unique: nil, handle: "H:1")
      log.plain.warn("by others")
      expect(output.string).to match(/\A\S+Z \d+ INFO done\\nnow function="a b" elapsed=0\.1235 handle=H:1\n\S+ \d+ WARN by others\n\z/)
    end

    it "is JSON" do
      log(log_format: "json").error("done", function: "f\xFF".b, elapsed: 0.5)
      expect(JSON.parse(output.string)).to match("time" => /Z\z/, "pid" => Process.pid, "level" => "error", "message" => "done",
                                                 "function" => "f?", "elapsed" => 0.5)
    end

    it "cuts what others said, and no backtrace" do
      log.error("x\n" * 1000, backtrace: ["here.rb:1:in `f'"] * 100)
      expect(output.string.size).to be_between(2900, 3800)
      expect(output.string.scan("here.rb:1").size).to eq(100)
    end

    it "leaves out what is below its level" do
      log(log_level: "warn").info("done")
      expect(output.string).to eq("")
    end
  end

  describe "the jobs that a process has in hand" do
    let(:ledger) { described_class::Ledger.new(2) }

    def job(*words) = Struct.new(:function, :handle, :unique).new(*words)

    it "are known until they are done, also to whoever looks later" do
      expect(ledger.entries).to eq([])
      first = ledger.add(job("resize", "H:1", nil))
      ledger.add(job("mail" * 128, "H:2", "k" * 63))
      expect(ledger.add(job("more", "H:3", nil))).to be_nil
      expect(ledger.entries.map(&:key)).to contain_exactly("H:1", "k" * 63)
      ledger.remove(first)
      expect(ledger.entries.map(&:to_a)).to eq([["mail" * 128, "H:2", "k" * 63]])
      ledger.close
    end

    it "are counted when it dies" do
      deaths = described_class::Deaths.new(2)
      entry = described_class::Ledger::Entry.new("f", "H:1", "")
      expect([deaths.add([entry]), deaths.add([entry]), deaths.add([entry])]).to eq([[], [entry], []])
      expect(deaths.deadly).to eq(Set["H:1"])
      expect(described_class::Deaths.new(0).add([entry])).to eq([])
    end
  end

  it "waits longer each time that a process dies at once" do
    children = Array.new(4) { instance_double(described_class::Child, status: nil, age: 0) }
    slot = described_class::Slot.new(1, 25) { children.shift }
    waits = Array.new(3) do
      sleep(0.001) until slot.fill
      slot.lost(slot.children.first)
      slot.wait
    end
    expect(waits).to match([be_within(0.05).of(0.1), be_within(0.05).of(0.2), be_within(0.05).of(0.4)])
  end
end
