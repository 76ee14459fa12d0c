# frozen_string_literal: true

require "evgearman/compat/gearman"

# What gearman-ruby promises and does not do, or does not promise, and evgearman/compat/gearman does.
RSpec.describe "evgearman/compat/gearman, beyond gearman-ruby" do
  let(:server) { own_server }
  let(:client) { Gearman::Client.new(server.url) }
  let(:log) { StringIO.new }

  before { Gearman.logger = Logger.new(log) }

  after do
    (@working || []).each do |working, thread|
      working.worker_enabled = false
      thread.join(Examples::PATIENCE) or raise "a worker goes on"
    end
  end

  # One that works on a thread until the end of the example, or until it is told to end.
  def worker(*urls)
    working = Gearman::Worker.new(urls.empty? ? server.url : urls)
    yield working
    thread = Thread.new { working.work }
    (@working ||= []) << [working, thread]
    thread
  end

  def run(task, timeout = Examples::PATIENCE)
    set = Gearman::TaskSet.new(client)
    set.add_task(task)
    set.wait(timeout)
  end

  describe "a Task" do
    it "is submitted again when it fails, as often as retry_count says" do
      times = 0
      worker { |w| w.add_ability("third") { (times += 1) > 2 } }
      told = []
      task = Gearman::Task.new("third", "x", retry_count: 2, on_retry: ->(count) { told << count })
      task.on_fail { told << :failed }
      expect(run(task)).to be(true)
      expect([told, task.retries_done]).to eq([[1, 2], 2])

      task.retry_count = 1
      times = 0
      expect(run(task)).to be(false)
      expect(told).to eq([1, 2, 1, :failed])
    end

    it "ends by an exception, whether it was asked for or not" do
      worker { |w| w.add_ability("raise") { |data| raise data } }
      told = []
      task = Gearman::Task.new("raise", "oh", on_exception: ->(message) { told << message })
      expect(run(task)).to be(false)
      expect(told).to eq(["oh"])
    end

    it "that is scheduled is over when the server has it" do
      task = Gearman::Task.new("later", "x", schedule_at: Time.now + 3600)
      handles = []
      task.on_created { |handle| handles << handle }
      expect(run(task)).to be(true)
      expect(handles).to match([/\AH:/])
      expect(server.status("later")).to eq([1, 0, 0])
    end

    it "has a block raise where somebody waits, and nothing else is the worse for it" do
      worker { |w| w.add_ability("tell") { |data, job| job.report_status(1, 2) && data } }
      task = Gearman::Task.new("tell", "x", on_status: ->(*) { raise IOError, "no screen" })
      expect { run(task) }.to raise_error(IOError, "no screen")
      expect(client.do_task(Gearman::Task.new("tell", "y"))).to eq("y")
    end

    it "that took too long leaves the connection in order" do
      worker { |w| w.add_ability("slow") { |data| sleep(data.to_f) && data } }
      expect(run(Gearman::Task.new("slow", "0.3"), 0.05)).to be(false)
      expect(client.do_task(Gearman::Task.new("slow", "0.01"))).to eq("0.01")
    end

    it "has bytes" do
      worker { |w| w.add_ability("size") { |data| data.bytesize } }
      expect(client.do_task(Gearman::Task.new("size", "é\0"))).to eq("3")
    end
  end

  describe "errors" do
    it "are StandardErrors" do
      names = %i[InvalidArgsError ProtocolError NetworkError NoJobServersError JobQueueError SocketTimeoutError ServerDownException]
      expect(names.map { |name| Gearman.const_get(name) }).to all(be < StandardError)
    end

    it "tell that no server can be reached, and goes on when one can" do
      expect(client.do_task(Gearman::BackgroundTask.new("f"))).to be_nil
      server.kill
      server.stop
      expect { client.do_task(Gearman::BackgroundTask.new("f")) }.to raise_error(Gearman::NetworkError)
      server.restart
      reached = Gearman::Client.new(server.url)
      expect(reached.submit_job(Gearman::BackgroundTask.new("f"))).to be(true)
      expect { Gearman::Client.new("127.0.0.1:1").do_task(Gearman::Task.new("f")) }.to raise_error(Gearman::NoJobServersError, /127\.0\.0\.1:1/)
    end

    it "tell that the connection ended under a job" do
      task = Gearman::Task.new("nobody", "x")
      task.on_created { Thread.new { server.kill } }
      expect { client.do_task(task) }.to raise_error(Gearman::NetworkError, /disconnected/)
    end

    it "tell what the server said" do
      own = own_server(max_functions: 1)
      asking = Gearman::Client.new(own.url)
      asking.do_task(Gearman::BackgroundTask.new("one"))
      expect { asking.do_task(Gearman::BackgroundTask.new("two")) }.to raise_error(Gearman::ProtocolError)
    end
  end

  describe "several servers" do
    let(:servers) { Array.new(2) { own_server } }

    it "are asked by turns, and passed over when they are away" do
      asking = Gearman::Client.new(servers.map(&:url))
      4.times { |n| asking.do_task(Gearman::BackgroundTask.new("f", n)) }
      expect(servers.map { |each| each.status("f").first }).to eq([2, 2])
      servers.first.stop
      asking = Gearman::Client.new(servers.map(&:url))
      4.times { |n| asking.do_task(Gearman::BackgroundTask.new("f", 10 + n)) }
      expect(servers.last.status("f").first).to eq(6)
    end

    # Fails when a worker asks each of them by itself: it then holds a job behind the one that runs.
    it "give a worker that is busy no job that another one could do" do
      servers.each { |each| Gearman::Client.new(each.url).do_task(Gearman::BackgroundTask.new("f", each.port)) }
      started, enough, done = Array.new(3) { Thread::Queue.new }
      worker(*servers.map(&:url)) { |w| w.add_ability("f") { |data| (started << data) && enough.pop } }
      held = started.pop
      eventually { servers.all? { |each| each.status("f").last == 1 } } # it would have been asked for by now
      worker(*servers.map(&:url)) { |w| w.add_ability("f") { |data| done << data } }
      eventually { done.size == 1 }
      expect([held, done.pop].map(&:to_i)).to match_array(servers.map(&:port))
    ensure
      enough.close
    end

    it "have one worker, which ends when none has a job more" do
      servers.each { |each| Gearman::Client.new(each.url).do_task(Gearman::BackgroundTask.new("f", each.port)) }
      done = []
      thread = worker(*servers.map(&:url), "127.0.0.1:1") do |w|
        w.worker_enabled = false
        w.add_ability("f") { |data| done << data.to_i }
      end
      expect(thread.join(Examples::PATIENCE)).to be(thread)
      expect(done).to match_array(servers.map(&:port))
    end
  end

  describe "a Worker" do
    it "ends from another thread, when it sleeps" do
      idle = Queue.new
      thread = worker do |w|
        w.add_ability("f") { true }
        w.on_no_job { idle << w }
      end
      idle.pop.worker_enabled = false
      expect(thread.join(Examples::PATIENCE)&.value).to be(false)
    end

    it "ends when it is told to and can do nothing" do
      thread = worker { |w| w.worker_enabled = false }
      expect(thread.join(Examples::PATIENCE)&.value).to be(false)
    end

    it "calls what is to be done after a job that ended well" do
      after = Queue.new
      worker do |w|
        w.add_ability("feel") { |data| data.upcase unless data == "ill" }
        w.after_ability("feel") { |*all| after << all }
      end
      %w[ill well].each { |data| client.do_task(Gearman::Task.new("feel", data)) }
      expect(after.pop).to eq(%w[WELL well])
      expect(after).to be_empty
    end

    it "fails a job that takes longer than its timeout, while its handler goes on" do
      enough = Queue.new
      worker { |w| w.add_ability("slow", 0.05) { enough.pop } }
      told = []
      expect(run(Gearman::Task.new("slow", "x", on_exception: ->(message) { told << message }))).to be(false)
      expect(told).to match([/timed out/])
      enough << true
    end

    it "comes back when its server does" do
      worker { |w| w.add_ability("echo") { |data| data } }
      expect(client.do_task(Gearman::Task.new("echo", "1"))).to eq("1")
      server.kill
      server.restart
      eventually { server.status("echo").last == 1 }
      expect(Gearman::Client.new(server.url).do_task(Gearman::Task.new("echo", "2"))).to eq("2")
    end

    it "is listed by Gearman::Server" do
      idle = Queue.new
      worker do |w|
        w.client_id = "listed"
        w.add_ability("Resize2") { |data| data }
        w.on_no_job { idle << 1 }
      end
      idle.pop
      asked = Gearman::Server.new(server.url)
      expect(asked.status).to eq("Resize2" => { queue: "0", active: "0", workers: "1" })
      expect(asked.workers).to eq([{ host: "127.0.0.1", status: "listed", functions: ["Resize2"] }])
      expect(asked.send_command("version")).to start_with("OK")
      expect { Gearman::Server.new("127.0.0.1:1").status }.to raise_error(Gearman::NetworkError)
    end

    it "goes on when one of its own blocks raises" do
      worker do |w|
        w.add_ability("echo") { |data| data }
        w.on_job_assign { raise "not today" }
      end
      expect(client.do_task(Gearman::Task.new("echo", "1"))).to eq("1")
      expect(log.string).to include("not today")
    end
  end

  it "does not take the place of the gem when that is loaded" do
    text, status = run_ruby(*gearman_ruby(:gem), "-e", "begin; require 'evgearman/compat/gearman'; rescue LoadError => e; puts e.message; end")
    expect([text, status.success?]).to eq(["the gem gearman-ruby is loaded already: evgearman/compat/gearman takes its place\n", true])
  end

  it "is not loaded by evgearman" do
    text, = run_ruby("-e", "require 'evgearman'; p defined?(Gearman)")
    expect(text).to eq("nil\n")
  end
end
