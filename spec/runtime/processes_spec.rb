# frozen_string_literal: true

require "socket"

RSpec.describe "The processes of evgearman work" do
  let(:server) { own_server }
  let(:client) { client_for(server) }

  def whoami = client.call("whoami", timeout: 30).to_i

  it "are as many as it is told, and known to the server by name" do
    work = workforce("-p", "3", "--client-id", "shop")
    expect(work.workers.size).to eq(3)
    expect(eventually { client.server_workers.value.map(&:client_id).grep(/shop/).sort.then { |ids| ids if ids.size == 3 } })
      .to eq(%w[shop-1 shop-2 shop-3])
  end

  it "say in their titles how it is" do
    work = workforce("-p", "2", "-c", "3")
    title = ->(pid) { File.read("/proc/#{pid}/cmdline").delete("\0") }
    wait_for(work) { title[work.pid].end_with?(" supervisor: 2 of 2 processes, 0 busy") }
    expect(work.workers.map(&title)).to match([/\Aevgearman .* worker 1: 0 of 3 busy\z/, / worker 2: /])
  end

  it "are replaced when they die" do
    work = workforce("-p", "2")
    killed = work.workers.first
    work.signal("KILL", killed)
    wait_for(work) { work.logged("is gone").any? && work.logged("ready").count { |line| line["number"] } == 3 }
    expect(work.logged("is gone").first).to include("message" => "process 1 is gone: killed by SIGKILL", "gone" => killed)
  end

  it "end when their supervisor has died, and finish what they have" do
    work = workforce("-p", "2", "-c", "2")
    task = client.submit_job("patient", "60")
    wait_for(work) { work.traced.include?("patient begins") }
    work.signal("KILL")
    expect(task.value(30)).to eq("stopped")
    expect(work.workers.size).to eq(2)
    eventually { work.workers.all? { |pid| work.gone?(pid) } }
  end

  { "--max-jobs" => "3", "--max-rss" => "1", "--max-lifetime" => "0.1" }.each do |flag, limit|
    it "are replaced by #{flag}" do
      work = workforce(flag, limit)
      first = whoami
      wait_for(work) { whoami != first }
      wait_for(work) { work.gone?(first) }
      expect(work.logged("is gone")).to be_empty
    end
  end

  it "do not run for ever a job with which they die, and do the others" do
    work = workforce("-p", "2", "--max-deaths", "2")
    task = client.submit_job("die", "", unique: "deadly")
    expect { task.value(30) }.to raise_error(EVGearman::JobExceptionError, /too many processes died with job die #{task.handle}/)
    expect(work.logged("is gone").size).to be_between(2, 3)
    expect(client.call("reverse", "abc", timeout: 30)).to eq("cba")
    expect(work.traced.grep(/DeadlyJobError/).size).to eq(1)
  end

  it "call what was hooked to events, with the application loaded before or not" do
    [[], ["--preload"]].each do |flags|
      work = workforce(*flags)
      process = work.workers.first
      %w[TSTP CONT].each do |name|
        work.signal(name)
        wait_for(work) { work.traced.grep(/quiet|resume/).size == (name == "TSTP" ? 1 : 2) }
      end
      work.signal("TERM")
      expect(ended(work)).to eq(0)
      events = [*("fork" if flags.any?), "startup", "quiet", "resume", "shutdown", "exit"]
      expect(work.traced).to eq(events.map { |event| "#{event} #{process}" })
    end
  end

  it "tell of errors of jobs, with the job" do
    work = workforce
    task = client.submit_job("raise", "oh")
    expect { task.value(30) }.to raise_error(EVGearman::JobExceptionError, /\Aexception: oh,/)
    expect(work.traced.grep(/Error/)).to eq(["ArgumentError: oh, raise #{task.handle}"])
    expect(work.logged("ArgumentError: oh").first)
      .to include("level" => "error", "function" => "raise", "handle" => task.handle, "at" => /handlers\.rb:/)
  end

  it "log each job" do
    work = workforce("--log-level", "debug")
    client.call("reverse", "secret", timeout: 30)
    wait_for(work) { work.logged("done").any? }
    expect(work.log.select { |line| line["function"] == "reverse" }.map { |line| [line["message"], line["level"]] })
      .to eq([%w[start debug], %w[done info]])
    expect(File.read(work.output)).not_to include("secret")
  end

  it "do only what they are told" do
    workforce("-f", "whoami,raise")
    expect(eventually { client.server_workers.value.flat_map(&:functions).sort.then { |all| all if all.any? } }).to eq(%w[raise whoami])
  end

  it "write down the process, and take that away" do
    work = workforce("--pidfile", "work.pid")
    path = File.join(work.dir, "work.pid")
    expect(File.read(path).to_i).to eq(work.pid)
    work.signal("TERM")
    ended(work)
    expect(File.exist?(path)).to be(false)
  end

  it "tell systemd when they are ready, that they live, that they are restarted, and that they end" do
    Dir.mktmpdir do |dir|
      path = File.join(dir, "notify")
      socket = Socket.new(:UNIX, :DGRAM)
      socket.bind(Socket.pack_sockaddr_un(path))
      work = workforce(env: { "NOTIFY_SOCKET" => path, "WATCHDOG_USEC" => "1000000" })
      said = []
      hear = -> { (text = socket.recv_nonblock(1000, exception: false)).is_a?(String) && said.concat(text.lines(chomp: true)) }
      heard = ->(word) { wait_for(work) { hear.call.then { said.include?(word) } } }
      %w[READY=1 WATCHDOG=1].each(&heard)
      heard["STATUS=1 of 1 processes, 0 busy"]
      said.clear
      work.signal("HUP")
      %w[RELOADING=1 READY=1].each(&heard)
      work.signal("TERM")
      eventually { hear.call.then { said.include?("STOPPING=1") } }
      expect(said.grep(/MONOTONIC/)).to match([/\AMONOTONIC_USEC=\d+\z/])
    ensure
      socket&.close
    end
  end

  it "perform jobs of Active Job, of the queues that they are told" do
    [["-q", "urgent,low"], []].each do |flags|
      work = workforce(*flags, handlers: File.expand_path("files/active_job.rb", __dir__))
      expect(client.call("later", flags.any? ? "urgent" : "default", timeout: 30)).to eq("queued")
      wait_for(work) { work.traced == ["performed for you"] }
      functions = flags.any? ? %w[active_job.low active_job.urgent later] : %w[active_job.default later]
      expect(client.server_workers.value.flat_map(&:functions).sort).to eq(functions)
      work.signal("TERM")
      expect(ended(work)).to eq(0)
    end
  end

  it "work for several servers, also when one is away" do
    other = own_server
    work = workforce("-p", "2", url: "#{server.url},#{other.url}")
    expect([server, other].map { |each| client_for(each).call("reverse", each.url, timeout: 30) }).to eq([server, other].map { |each| each.url.reverse })
    server.stop
    expect(client_for(other).call("reverse", "abc", timeout: 30)).to eq("cba")
    expect(work.logged("is gone")).to be_empty
  end

  it "share servers with the client of the process, for what handlers submit" do
    Dir.mktmpdir do |dir|
      code = File.join(dir, "code.rb")
      File.write(code, %(EVGearman::Runtime.register("submit") { EVGearman.enqueue("more") }))
      workforce(handlers: code)
      expect(client.call("submit", timeout: 30)).to start_with("H:")
      expect(server.status("more")).to eq([1, 0, 0])
    end
  end
end
