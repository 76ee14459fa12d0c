# frozen_string_literal: true

EVGearman::CLI.command("check")

RSpec.describe "evgearman check", :cli do
  around { |example| Dir.mktmpdir { |dir| Dir.chdir(dir) { example.run } } }
  around do |example|
    before = ENV.to_h
    example.run
    ENV.replace(before) # an application is told its environment
    EVGearman::Runtime.registry.handlers.clear if EVGearman.const_defined?(:Runtime)
  end

  let(:server) { own_server }

  # What it found to be wrong, and how it ended.
  def wrong(*arguments)
    ran = cli("check", "--json", *arguments)
    [ran.json.reject { |finding| finding[:state] == "ok" }.map { |finding| finding.values_at(:message, :remedy) }, ran.code]
  end

  it "finds nothing" do
    File.write("jobs.rb", 'puts "loaded"; EVGearman::Runtime.register("resize") { "" }; EVGearman::Runtime.register("mail") { "" }')
    ran = evgearman("check", "-r", "jobs.rb", "-s", server.url)
    expect(ran).to have_attributes(code: 0, err: "loaded\n")
    expect(ran.lines).to match(["ok       configuration: development, as said by --require, --servers", "ok       application: does resize, mail",
                                /\Aok       #{server.url}: evgearman server #{EVGearman::VERSION}\+evgearman, \d+\.\d ms\z/])
  end

  it "says where nobody answers, and what to do" do
    ran = evgearman("check", "-s", "127.0.0.1:1,#{server.url}")
    expect(ran.code).to eq(3)
    expect(ran.lines[1, 2]).to eq(["failed   127.0.0.1:1: connect failed: Connection refused",
                                   "         start one there (evgearman server, gearmand), or name another by --servers"])
    expect(ran.lines.last).to start_with("ok       #{server.url}: ")
  end

  it "tells a server that says nothing, and one that speaks no TLS, from one that is not there" do
    TCPServer.open("127.0.0.1", 0) do |silent|
      stub_const("EVGearman::CLI::Query::PATIENCE", 0.2)
      expect(wrong("-s", "127.0.0.1:#{silent.addr[1]}")).to match([[["command timeout", /look at its process/]], 4])
    end
    expect(wrong("-s", server.url, "--tls")).to match([[['TLS failed: no TLS handshake, but "ERR UNKNOWN_COMMAND Unknown+server+comma": does the server speak TLS?', /see to tls/]], 3])
    expect(wrong("-s", "nobody.invalid")).to match([[[/cannot resolve host/, "see to the name in servers"]], 3])
  end

  describe "of the configuration" do
    def of(text)
      File.write("it.yml", text)
      wrong("-C", "it.yml", "-s", server.url)
    end

    it "says what cannot be read" do
      expect(wrong("-C", "none.yml")).to match([[["cannot read none.yml: No such file or directory", /mend it/]], 2])
      expect(of("a: [")).to match([[[/\Ait\.yml: Psych::SyntaxError/, /mend it/]], 2])
    end

    it "says what is not known, with what is" do
      expect(of("concurency: 4")).to match([[["it.yml: unknown setting concurency; did you mean concurrency?", /mend it/]], 2])
      expect(of("concurrency: many")).to match([[[/\Ait\.yml: concurrency must be a whole number/, /mend it/]], 2])
      expect(cli("check", "--concurency", "4")).to have_attributes(code: 2, err: "evgearman: invalid option: --concurency; did you mean --concurrency?\n")
      expect(wrong("-s", "a:b:c")).to match([[[/\Acannot read the address/, /mend it/]], 2])
    end
  end

  describe "of the application" do
    def of(text, *more)
      File.write(file = "./#{function("app")}.rb", text) # each is loaded once
      wrong("-r", file, "-s", server.url, *more)
    end

    it "says why it does not load" do
      expect(of("raise 'no database'")).to match([[[/\Acannot load \S+: RuntimeError: no database/, /-r/]], 1])
      expect(of("def (")).to match([[[/SyntaxError/, /-r/]], 1])
      expect(of("exit 5")).to match([[["it ends the program when it is loaded", /run itself/]], 1])
      expect(wrong("-r", "none.rb", "-s", server.url)).to match([[["cannot load none.rb: there is no such file", /-r/]], 1])
    end

    it "says that it does nothing, or not what it should" do
      expect(of("")).to match([[[/\Anothing to do: /, /-q/]], 1])
      expect(of("EVGearman::Runtime.register('resize') {}", "-f", "rezise"))
        .to match([[["nothing is registered for function rezise; did you mean resize?", /-f/]], 1])
      expect(wrong("-q", "mailers", "-s", server.url)).to match([[[/\Athere are queues, and no application/, /-q/]], 1])
    end
  end

  it "says what waits, and nobody does" do
    client_for(server).enqueue("mial")
    worker_for(server).can_do("mail").echo("x").value
    expect(wrong("-s", server.url)).to eq([[["mial has jobs that wait (1), and no worker", "start one that does it; did you mean mail?"]], 0])
  end

  describe "of known bugs" do
    it "knows gearmand's", server: Gearmand do
      version = client_for(server).server_version.value
      skip("gearmand #{version}") unless version.start_with?("1.")

      messages, code = wrong("-s", server.url)
      expect(code).to eq(0)
      expect(messages.map(&:first)).to include(/delayed job .* wakes no sleeping worker/, /CAN_DO_TIMEOUT/, /sqlite/)
    end

    it "fails where workers do not ask, and so delayed jobs never run", server: Gearmand do
      skip("not before 2.0") unless client_for(server).server_version.value.start_with?("1.")

      messages, code = wrong("-s", server.url, "--poll-interval", "0")
      expect([messages.first, code]).to match([[/poll_interval is 0: delayed jobs will not run/, "set poll_interval to 1"], 1])
    end

    it "knows them by version" do
      bugs = EVGearman::CLI::KnownBugs
      epoch = ->(dialect, version) { bugs.of(dialect, version).include?(bugs::EPOCH) }
      expect(%w[1.1.18 1.1.20+ds 1.1.22 2.0.0 2.0.0-51-ge4f600b6 2.1 10.0].map { |version| epoch[:gearmand, version] })
        .to eq([true, true, true, false, false, false, false])
      expect(bugs.of(:gearmand, "2.0.0").map(&:what)).to match([/sqlite/])
      expect(bugs.of(:perl, "v1.130").map(&:what)).to match([/no delayed jobs/])
      expect([bugs.of(:gearmand, "0.1.0+evgearman"), bugs.of(:unknown, "x")]).to eq([[], []])
    end
  end
end
