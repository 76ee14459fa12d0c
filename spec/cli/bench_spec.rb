# frozen_string_literal: true

[Embedded, Gearmand].each do |kind|
  RSpec.describe "evgearman bench on #{kind}", :cli, server: kind do
    let(:server) { own_server }

    it "measures, and leaves nothing behind" do
      ran = evgearman("bench", "--jobs", "50", "--size", "0", "--json", "-s", server.url)
      expect([ran.err, ran.code]).to eq(["", 0])
      expect(ran.json.map { |row| row[:times] }).to eq([5, 5, 50, 50, 50])
      expect(ran.json).to all(include(seconds: be_positive, per_second: be_positive))
      expect(server.ask("status")).to be_empty
    end

    it "leaves nothing behind when it is interrupted" do
      Open3.popen3(CommandLine::CLEAN, *ruby, CommandLine::PROGRAM, "bench", "--jobs", "20000", "-s", server.url) do |_, out, err, bench|
        # Jobs that nobody waits for; so many of them that they are seen before they are done.
        eventually { server.ask("status").any? { |line| line[/\t(\d+)/, 1].to_i > 200 } }
        Process.kill("INT", bench.pid)
        expect([out.read, err.read, bench.value.exitstatus]).to eq(["", "", 130])
      end
      eventually { server.ask("workers").none? { |line| line.include?("evgearman.bench.") } }
      expect(server.ask("status")).to be_empty
    end
  end
end

RSpec.describe "evgearman bench", :cli do
  it "is a table" do
    server = shared_server
    lines = evgearman("bench", "-n", "10", "-s", server.url).lines
    expect(lines.first.split(/ {2,}/)).to eq(["OPERATION", "TIMES", "SECONDS", "PER SECOND", "MEDIAN MS", "99 % MS"])
    expect(lines.drop(1).map { |line| line[/\A\S.*?(?=  )/] }).to eq(["echo", "job, one at a time", "job, 64 at a time", "background job, queued", "background job, done"])
  end

  it "refuses what cannot be measured" do
    expect(cli("bench", "-n", "0").code).to eq(2)
    expect(cli("bench", "-s", "127.0.0.1:1,127.0.0.1:2").code).to eq(2)
    expect(cli("bench", "-s", "127.0.0.1:1")).to have_attributes(code: 3, err: /\Aevgearman: connect failed/)
  end
end
