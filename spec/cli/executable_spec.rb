# frozen_string_literal: true

RSpec.describe "exe/evgearman", :cli do
  asking = [%w[status], %w[top --count 1], %w[workers], %w[jobs], %w[jobs H:1], %w[ping], %w[version], %w[maxqueue f 1], %w[cancel H:1],
            %w[drop f], %w[submit f], %w[submit f -b], %w[bench], %w[check]]

  # Each of the runs at the same time.
  def together(runs) = runs.map { |arguments| Thread.new { evgearman(*arguments) } }.map(&:value)

  it "ends with 3 where nobody answers, and with a sentence" do
    ran = together(asking.map { |arguments| [*arguments, "--servers", "127.0.0.1:1"] })
    expect(ran.map(&:code)).to all(eq(3))
    expect(ran.map { |one| one.out + one.err }).to all(match(/^(?:evgearman: |failed   127\.0\.0\.1:1: )?connect failed: Connection refused/))
    expect(ran.map { |one| one.err.lines.size }).to all(be <= 1)
  end

  it "ends with 4 where nothing is said" do
    TCPServer.open("127.0.0.1", 0) do |silent|
      ran = %w[status ping].map { |command| cli(command, "--timeout", "0.1", "-s", "127.0.0.1:#{silent.addr[1]}") }
      expect(ran).to all(have_attributes(code: 4, err: /\Aevgearman: command timeout/))
    end
  end

  it "goes on with those servers that answer, and says which do not" do
    client_for(server = own_server).enqueue("mail")
    ran = cli("status", "-s", "127.0.0.1:1,#{server.url}")
    expect(ran.lines.map { |line| line.split.first }).to eq(["SERVER", server.url])
    expect(ran).to have_attributes(code: 3, err: "evgearman: connect failed: Connection refused (127.0.0.1:1)\n")
    other = own_server
    expect(cli("ping", "-s", "#{server.url},#{other.url}").lines.map { |line| line.split.first }).to eq([server.url, other.url])
    expect(cli("maxqueue", "mail", "5", "--create", "-s", "#{server.url},#{other.url}").code).to eq(0)
    expect(other.status("mail")).to eq([0, 0, 0])
    expect(cli("cancel", "H:1", "-s", "#{server.url},#{other.url}")).to have_attributes(code: 2, err: /a job is of one server/)
  end

  # Fails when names are compared, not addresses.
  it "asks a server that is named twice once" do
    expect(cli("ping", "-s", "#{shared_server.url},gearman://#{shared_server.url}").lines.size).to eq(1)
  end

  it "knows the nearest flag of each command" do
    asking.map(&:first).uniq.each do |command|
      expect(cli(command, "--srevers", "x")).to have_attributes(code: 2, err: "evgearman: invalid option: --srevers; did you mean --servers?\n")
    end
  end

  it "ends where nobody reads any more" do
    command = [*ruby, CommandLine::PROGRAM, "top", "--json", "--interval", "0.01", "-s", shared_server.url].shelljoin
    out, err, status = Open3.capture3(CommandLine::CLEAN, "sh", "-c", "#{command} | head -n 1")
    expect([out.lines.size, err, status.exitstatus]).to eq([1, "", 0])
  end

  it "prints what it sees at once, also into a pipe" do
    [%w[top --interval 1000], %w[top --json --interval 1000], %w[status --json --watch 1000], %w[ping --count 1000]].each do |arguments|
      IO.popen(CommandLine::CLEAN, [*ruby, CommandLine::PROGRAM, *arguments, "-s", shared_server.url]) do |program|
        expect(program.wait_readable(Examples::PATIENCE)).to be_truthy
        Process.kill("INT", program.pid)
      end
    end
  end

  it "has no colours in a pipe, and plain text for what others sent" do
    client_for(server = own_server).enqueue("evil\t\xFFname")
    expect(evgearman("status", "-s", server.url).lines.last).to match(/\Aevil\\t\?name +1 +1 +0 +0\z/)
    expect(evgearman("status", "--json", "-s", server.url).json.first[:name]).to eq("evil\t?name")
  end

  it "is told by the environment, and by a file, where servers are" do
    Dir.mktmpdir do |dir|
      File.write(file = File.join(dir, "it.yml"), "servers: [#{shared_server.url}]")
      expect(evgearman("ping", "-C", file).code).to eq(0)
      expect(evgearman("ping", env: { "GEARMAN_SERVERS" => shared_server.url }).code).to eq(0)
    end
  end
end
