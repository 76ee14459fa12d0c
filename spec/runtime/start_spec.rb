# frozen_string_literal: true

RSpec.describe "evgearman work, when it cannot" do
  let(:server) { shared_server }

  def refused(*flags, code: nil, **options)
    Dir.mktmpdir do |dir|
      path = File.join(dir, "code.rb")
      File.write(path, code) if code
      work = workforce(*flags, wait: false, **(code ? { handlers: path } : {}), **options)
      status = ended(work)
      return [status, work.log.map { |line| line.is_a?(Hash) ? line["message"] : line }.grep_v(/begins\z|ending|gone/)]
    end
  end

  it "says which file is not there" do
    expect(refused("-r", "none.rb")).to eq([1, ["cannot load none.rb: there is no such file"] * 2])
  end

  it "says why the application does not load, and where" do
    [[], ["--preload"], ["-p", "0"]].each do |flags|
      status, messages = refused(*flags, code: "\nnonsense\n")
      expect([status, messages.uniq]).to match([1, [/\Acannot load .*: NameError: undefined local variable .*nonsense.*code\.rb:2:/]])
    end
  end

  it "says that there is nothing to do" do
    expect(refused(code: "# nothing")).to match([1, all(start_with("nothing to do: no file (-r) called EVGearman::Runtime.register"))])
  end

  it "says which function nobody has registered" do
    expect(refused("-f", "revers")).to match([1, all(eq("nothing is registered for function revers; did you mean reverse?"))])
  end

  it "says when a process ends before it is ready" do
    expect(refused(code: "exit!(7)")).to match([1, all(eq("process 1 is gone before it was ready: exit 7"))])
  end

  it "says that an address is none, and that a file of TLS is not there" do
    expect(refused(url: "here there")).to match([1, [/\Acannot read the address "here there"/]])
    expect(refused("--tls", "ca_file=none.pem")).to match([1, ["tls: ca_file: No such file or directory"]])
  end

  it "says which setting it does not know" do
    expect(refused("--concurency", "3")).to eq([2, ["evgearman: invalid option: --concurency; did you mean --concurrency?"]])
    expect(refused(env: { "EVGEARMAN_CONFIG" => File.expand_path("files/wrong.yml", __dir__) }))
      .to match([2, [/wrong\.yml: unknown setting proceses; did you mean processes\?\z/]])
  end

  it "waits for a server that is not there, and works when it comes" do
    gone = own_server
    gone.stop
    work = workforce(url: gone.url)
    expect(work.logged("connect failed").size).to be <= 1
    gone.restart
    expect(client_for(gone).call("reverse", "abc", timeout: 30)).to eq("cba")
  end
end
