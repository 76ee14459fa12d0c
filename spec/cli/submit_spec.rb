# frozen_string_literal: true

RSpec.describe "evgearman submit", :cli do
  let(:server) { shared_server }
  let(:name) { function("submitted") }

  # A worker on a thread of its own, since what waits here is in another loop.
  def serve(&handler)
    worker = EVGearman::Worker.new(url: server.url, loop: EVGearman::Loop.new, on_callback_error: ->(*) {})
    worker.register_function(name, &handler)
    @serving = [worker, Thread.new { worker.run(signals: false) }]
  end

  after do
    @serving&.first&.stop(0)
    @serving&.last&.join
  end

  it "prints the result, as it is" do
    serve { |job| "<#{job.workload}>\xFF\0".b }
    expect(ask("submit", name, "hello").out.b).to eq("<hello>\xFF\0".b)
    expect(evgearman("submit", name, "hello", "-s", server.url)).to have_attributes(out: "<hello>\xFF\0", err: "", code: 0)
  end

  it "reads what is piped in" do
    serve(&:workload)
    workload = "a\0b\xFF\n".b * 10_000
    ran = [[], ["-"]].map { |more| evgearman("submit", "-s", server.url, name, *more, input: workload) }
    expect(ran.map { |one| one.out.b }).to eq([workload, workload])
  end

  it "prints data in front of the result, and warnings apart" do
    serve do |job|
      job.send_data("one ")
      job.warning("care\eful\n")
      job.send_data("two ")
      "three"
    end
    expect(ask("submit", name)).to have_attributes(out: "one two three", err: "warning: care\\eful\n", code: 0)
  end

  it "is JSON" do
    serve do |job|
      job.send_data("one\xFF")
      job.warning("careful")
      "three"
    end
    ran = ask("submit", name, "--json")
    expect(ran.json).to match(server: server.url, function: name, handle: a_string_matching(/:\d+\z/), state: "succeeded",
                              data: "one?", warnings: ["careful"], result: "three")
  end

  it "says why a job failed" do
    serve { |job| job.workload == "fail" ? job.fail : raise(ArgumentError, "no such\npage") }
    expect(ask("submit", name, "fail")).to have_attributes(code: 1, out: "", err: /\Aevgearman: job failed, of #{name} .*\n\z/)
    expect(ask("submit", name, "x")).to have_attributes(code: 1, out: "", err: /\Aevgearman: exception: no such\\npage, of #{name} .*\n\z/)
    ran = ask("submit", name, "x", "--json")
    expect(ran.json).to include(state: "failed", error: /exception: no such/)
    expect(ran.code).to eq(1)
  end

  it "gives up after its time" do
    expect(ask("submit", name, "--timeout", "0.05s")).to have_attributes(code: 4, err: /\Aevgearman: job timeout/)
  end

  it "leaves behind a job of the background" do
    ran = ask("submit", name, "later", "--background", "--unique", name)
    expect(client_for(server).get_status(ran.out.chomp).value).to be_known
    expect(ask("submit", name, "again", "--background", "--unique", name, "--json").json)
      .to eq(server: server.url, function: name, handle: ran.out.chomp)
    expect(server.status(name).first).to eq(1)
  end

  it "heeds priorities" do
    [%w[--low], [], %w[--high]].each { |flags| ask("submit", name, "with #{flags.join}", "--background", *flags) }
    ran = Thread::Queue.new
    serve { |job| (ran << job.workload) && "" }
    expect(Array.new(3) { ran.pop }).to eq(["with --high", "with ", "with --low"])
    expect(ask("submit", name, "x", "--high").code).to eq(0)
  end

  describe "for later" do
    let(:server) { own_server }

    def due(*flags)
      handle = ask("submit", name, *flags).out.chomp
      server.server.jobs.find { |job| job.handle == handle }.state
    end

    it "delays" do
      expect([["--in", "1h"], ["--in", "90"], ["--at", (Time.now + 60).to_i.to_s], ["--at", (Time.now + 86_400).strftime("%F")],
              ["--at", (Time.now + 60).strftime("%FT%T%:z")], ["--at", (Time.now + 120).strftime("%H:%M")],
              ["--at", (Time.now - 120).strftime("%H:%M")]].map { |flags| due(*flags) }).to all(eq(:delayed))
      expect(due("--at", "1000000000")).to eq(:queued)
    end

    it "refuses what is no time" do
      ["--in 1w", "--in -5", "--at tomorrow", "--at 2030-99-01", "--at 25:00", "--timeout soon"].each do |flags|
        expect(ask("submit", name, "x", *flags.split)).to have_attributes(code: 2, err: "evgearman: invalid argument: #{flags}\n")
      end
    end
  end

  it "refuses what does not go together" do
    expect(ask("submit", name, "--in", "5", "--high")).to have_attributes(code: 2, err: "evgearman: a delayed job has no priority\n")
    expect(ask("submit", name, "-b", "--timeout", "5").code).to eq(2)
    expect(ask("submit", name, "--at", "5", "--in", "5").code).to eq(2)
    expect(ask("submit", "bad\nname")).to have_attributes(code: 2, err: /\Aevgearman: function /)
    expect(ask("submit")).to have_attributes(code: 2, err: "evgearman: usage: evgearman submit FUNCTION [WORKLOAD]\n")
  end

  it "takes the first server that answers" do
    serve(&:workload)
    expect(cli("submit", name, "x", "-s", "127.0.0.1:1,#{server.url}")).to have_attributes(out: "x", err: "", code: 0)
    expect(cli("submit", name, "x", "-s", "127.0.0.1:1,127.0.0.1:2")).to have_attributes(out: "", code: 3, err: /\Aevgearman: connect failed/)
  end

  it "ends with its server" do
    server = own_server
    program = Thread.new { evgearman("submit", name, "-s", server.url) }
    eventually { server.status(name).first == 1 }
    server.kill
    expect(program.value).to have_attributes(code: 3, err: /\Aevgearman: disconnected/)
  end
end
