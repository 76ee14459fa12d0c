# frozen_string_literal: true

RSpec.describe "evgearman server", :cli do
  # Yields its address while it serves; answers how it ended.
  def serving(*arguments, signal: "TERM")
    Open3.popen3(CommandLine::CLEAN, *ruby, CommandLine::PROGRAM, "server", *arguments) do |_, out, _, process|
      yield out.gets, process.pid
      Process.kill(signal, process.pid)
      return process.value.exitstatus
    end
  end

  def client_of(url) = keep(EVGearman::Client.new(url: url, loop: loop))

  it "serves until it is told to end" do
    %w[TERM INT].each do |signal|
      code = serving("--port", "0", signal: signal) do |line, _|
        url = line[%r{\Aevgearman #{EVGearman::VERSION} serves at (gearman://127\.0\.0\.1:\d+)\n\z}, 1]
        expect(client_of(url).enqueue("f")).to match(/:1\z/)
      end
      expect(code).to eq(0)
    end
  end

  it "says in JSON where it is" do
    serving("--port", "0", "--json", "--max-jobs", "1", "--quirks", "gearmand_2_0") do |line, pid|
      said = JSON.parse(line, symbolize_names: true)
      expect(said).to match(url: %r{\Agearman://}, pid: pid)
      client = client_of(said[:url])
      client.enqueue("f")
      expect { client.enqueue("f") }.to raise_error(EVGearman::QueueFullError)
    end
  end

  it "serves at a unix socket" do
    Dir.mktmpdir do |dir|
      path = File.join(dir, "socket")
      serving("--path", path) { |line, _| expect(client_of(line[/\S+$/]).ping).to be_positive }
    end
  end

  it "speaks TLS" do
    serving("--port", "0", "--tls", Papers["server"]) do |line, _|
      url = line[/\S+$/]
      expect(url).to start_with("gearmans://")
      tls = "ca_file=#{Papers["ca"]}"
      expect(cli("ping", "-s", url, "--tls", tls).code).to eq(0)
      expect(cli("ping", "-s", url)).to have_attributes(code: 3, err: /\Aevgearman: TLS failed/)
    end
  end

  it "says what is in the way" do
    port = shared_server.port
    expect(cli("server", "--port", port.to_s)).to have_attributes(
      code: 1, err: "evgearman: cannot listen at 127.0.0.1:#{port}: it is in use: choose another with --port\n"
    )
    expect(cli("server", "--host", "0.0.0.0")).to have_attributes(code: 2, err: /--allow-remote$/)
    expect(cli("server", "--path", "/nowhere/socket")).to have_attributes(code: 1, err: %r{\Aevgearman: cannot listen at /nowhere/socket: })
    expect(cli("server", "--quirks", "nonsense")).to have_attributes(code: 2, err: /\Aevgearman: unknown quirk/)
    expect(cli("server", "--host", "nobody.invalid")).to have_attributes(code: 1, err: /no such host$/)
  end
end
