# frozen_string_literal: true

require "net/http"
require "evgearman/runtime"

# Where workers run beside other things, or for a while.
RSpec.describe "Workers" do
  let(:server) { own_server }
  let(:client) { client_for(server) }

  describe "with --drain" do
    [["-p", "2"], ["-p", "0"]].each do |flags|
      it "end when there is nothing more to do (#{flags.join(" ")})" do
        handles = Array.new(20) { |n| client.enqueue("reverse", n.to_s) }
        work = workforce("--drain", *flags, wait: false)
        expect(ended(work)).to eq(0)
        expect(work.logged("done").map { |line| line["handle"] }).to match_array(handles)
        expect(server.status("reverse")).to eq([0, 0, 0])
      end
    end

    it "are replaced when they die before" do
      client.enqueue("die")
      client.enqueue("reverse", "abc")
      work = workforce("--drain", "--max-deaths", "1", "-c", "1", wait: false)
      expect(ended(work)).to eq(0)
      expect([work.logged("is gone").size, work.logged("done").size]).to eq([1, 1])
    end
  end

  it "with --with-parent, end when who started them has ended" do
    work = workforce
    work.signal("TERM")
    ended(work)
    parent = fork do
      workforce("--with-parent", "--pidfile", "#{work.dir}/pid", wait: false)
      sleep
    end
    pid = eventually { File.exist?("#{work.dir}/pid") && File.read("#{work.dir}/pid").to_i.then { |id| id if id.positive? } }
    eventually { server.status("reverse")&.last == 1 }
    Process.kill("KILL", parent)
    Process.wait(parent)
    eventually { work.gone?(pid) && server.status("reverse").last.zero? }
  end

  describe "in a process that does other things" do
    it "run on a thread, and end when they are told" do
      registry = EVGearman::Runtime::Registry.new
      allow(EVGearman::Runtime).to receive(:registry).and_return(registry)
      before = EVGearman.configuration
      EVGearman::Runtime.register("reverse") { |job| job.workload.reverse }
      events = []
      %i[startup shutdown exit].each { |event| EVGearman::Runtime.on(event) { events << event } }
      title = File.read("/proc/self/cmdline")
      runtime = EVGearman::Runtime.new(EVGearman::Settings.load({ servers: server.url, log_level: "error" }, env: {}, environment: "test"))
      expect(runtime.start).to be(runtime)
      expect(client.call("reverse", "abc", timeout: 30)).to eq("cba")
      runtime.stop
      expect([events, server.status("reverse").last, File.read("/proc/self/cmdline")]).to eq([%i[startup shutdown exit], 0, title])
    ensure
      EVGearman.instance_variable_set(:@configuration, before)
    end

    it "say at once that there is nothing to do" do
      allow(EVGearman::Runtime).to receive(:registry).and_return(EVGearman::Runtime::Registry.new)
      settings = EVGearman::Settings.load({ servers: server.url, log_level: "error" }, env: {}, environment: "test")
      expect { EVGearman::Runtime.new(settings).start }.to raise_error(EVGearman::Runtime::Failure, /nothing to do/)
    end
  end

  describe "with Puma" do
    before { skip "its worker has the build that is in lib" if Requirements.sanitized? }

    # Puma, with the plugin; the block has its process and its port.
    def puma(config, *flags)
      Dir.mktmpdir do |dir|
        File.write("#{dir}/config.ru", %(run ->(_) { [200, {}, ["here"]] }))
        File.write("#{dir}/puma.rb", "plugin :evgearman\n#{config}\nport 0, '127.0.0.1'\n")
        env = { "EVGEARMAN_SERVERS" => server.url, "EVGEARMAN_REQUIRE" => Workforce::HANDLERS, "TRACES" => "#{dir}/traces" }
        pid = Process.spawn(env, *ruby, Gem.bin_path("puma", "puma"), "-C", "puma.rb", *flags, chdir: dir, %i[out err] => "#{dir}/out")
        yield pid, "#{dir}/out"
      ensure
        Process.kill("KILL", pid) unless @ended
      end
    end

    def pid_of_worker = client.call("whoami", timeout: 30).to_i
    def ends(pid) = @ended = eventually { Process.wait2(pid, Process::WNOHANG)&.last }

    it "run in a process of their own, and end with it" do
      puma("") do |pid, _|
        worker = pid_of_worker
        expect(worker).not_to eq(pid)
        Process.kill("TERM", pid)
        ends(pid)
        eventually { server.status("whoami").last.zero? && Workforce.gone?(worker) }
      end
    end

    it "end with it, also when it is killed" do
      puma("evgearman_mode :fork", "-w", "1") do |pid, _|
        worker = pid_of_worker
        Process.kill("KILL", pid)
        ends(pid)
        eventually { Workforce.gone?(worker) }
      end
    end

    it "run on a thread of it, and end with it" do
      puma("evgearman_mode :async") do |pid, _|
        expect(pid_of_worker).to eq(pid)
        Process.kill("TERM", pid)
        ends(pid)
        expect(server.status("whoami").last).to eq(0)
      end
    end

    it "end it when they end by themselves" do
      puma("") do |pid, out|
        supervisor = File.read("/proc/#{pid_of_worker}/status")[/PPid:\s+(\d+)/, 1].to_i
        Process.kill("TERM", supervisor)
        ends(pid)
        expect(File.read(out)).to include("evgearman ended", "Puma stops")
      end
    end

    it "are not on a thread of a cluster" do
      puma("evgearman_mode :async", "-w", "2") do |pid, out|
        ends(pid)
        expect(File.read(out)).to include("evgearman_mode :async is for Puma's single mode, not for 2 workers")
      end
    end

    it "hear of the events of Puma 6, too" do
      require "puma/plugin/evgearman"
      events = Class.new { %i[on_booted on_stopped on_restart].each { |name| define_method(name) { |&block| (@all ||= []) << [name, block] } } }.new
      launcher = Struct.new(:events, :options).new(events, {})
      Puma::Plugins.find("evgearman").new.start(launcher)
      expect(events.instance_variable_get(:@all).map(&:first)).to eq(%i[on_booted on_stopped on_restart])
    end
  end

  describe "by Rake" do
    def rake(task)
      Dir.mktmpdir do |dir|
        File.write("#{dir}/Rakefile", %(require "evgearman/tasks"\n))
        env = { "EVGEARMAN_SERVERS" => server.url, "EVGEARMAN_REQUIRE" => Workforce::HANDLERS, "TRACES" => "#{dir}/traces" }
        run_ruby(Gem.bin_path("rake", "rake"), "-f", "#{dir}/Rakefile", task, env: env)
      end
    end

    it "run what is queued" do
      client.enqueue("reverse", "abc")
      output, status = rake("evgearman:drain")
      expect(status).to be_success
      expect(output).to match(/ INFO done function=reverse /)
    end

    it "are told of, with their jobs" do
      client.enqueue("resize", "abc")
      output, status = rake("evgearman:status")
      expect([output, status.exitstatus]).to match([/resize/, 0])
      server.stop
      expect(rake("evgearman:status").last.exitstatus).to eq(3)
    end

    it "have a task for each command" do
      expect(rake("--tasks").first.scan(/^rake evgearman:(\w+)/).flatten).to eq(%w[check drain status work workers])
    end
  end
end
