# frozen_string_literal: true

RSpec.describe "evgearman work, when it gets a signal" do
  let(:server) { own_server }
  let(:client) { client_for(server) }

  # A job that has begun.
  def begun(work, function, workload)
    task = client.submit_job(function, workload)
    wait_for(work) { work.traced.include?("#{function} begins") }
    task
  end

  def whoami = client.call("whoami", timeout: 10).to_i

  %w[TERM INT].each do |name|
    it "#{name}: takes no more jobs, finishes those that it has, and ends well" do
      work = workforce("-c", "2", "-p", "2")
      task = begun(work, "patient", "60")
      work.signal(name)
      expect(task.value(30)).to eq("stopped")
      expect(ended(work)).to eq(0)
      expect(work.logged("stopped").sum { |line| line["finished"] }).to eq(1)
      expect(server.status("patient").last).to eq(0)
    end
  end

  it "INT to all of its processes, as Ctrl-C in a terminal: finishes what it has" do
    work = workforce("-c", "2", "-p", "2")
    task = begun(work, "patient", "60")
    work.signal("INT", -work.pid)
    expect(task.value(30)).to eq("stopped")
    expect(ended(work)).to eq(0)
  end

  # The job that would not end.
  def expect_handed_back(work)
    expect(ended(work)).to eq(0)
    expect(server.status("stubborn")).to eq([1, 0, 0])
  end

  it "TERM: hands back what takes too long, and ends well" do
    work = workforce("-t", "0.2", "-c", "2")
    begun(work, "stubborn", "60")
    work.signal("TERM")
    expect(ended(work)).to eq(0)
    expect(work.logged("stopped").map { |line| line["handed_back"] }).to eq([1])
    expect(server.status("stubborn")).to eq([1, 0, 0])
  end

  it "TERM: also when the job has the only thread" do
    work = workforce("-t", "0.2", "-c", "1")
    begun(work, "stubborn", "60")
    work.signal("TERM")
    expect_handed_back(work)
  end

  it "TERM twice: hands back at once" do
    work = workforce("-c", "2")
    begun(work, "stubborn", "60")
    work.signal("TERM")
    wait_for(work) { work.logged("stopping").any? }
    work.signal("TERM")
    expect_handed_back(work)
  end

  it "QUIT: hands back at once" do
    work = workforce("-c", "2", "-p", "2")
    begun(work, "stubborn", "60")
    work.signal("QUIT")
    expect_handed_back(work)
  end

  it "TSTP or USR2: takes no more jobs until CONT" do
    work = workforce
    %w[TSTP USR2].each do |name|
      work.signal(name)
      wait_for(work) { work.logged("quiet").size > work.logged("resumed").size }
      task = client.submit_job("reverse", name)
      settle(client)
      expect(server.status("reverse")).to eq([1, 0, 1])
      work.signal("CONT")
      expect(task.value(30)).to eq(name.reverse)
      wait_for(work) { work.logged("quiet").size == work.logged("resumed").size }
    end
  end

  it "TSTP: so do processes that come later" do
    work = workforce
    work.signal("TSTP")
    wait_for(work) { work.logged("quiet").any? }
    work.signal("KILL", work.workers.first)
    wait_for(work) { work.logged("ready").count { |line| line["number"] } == 2 }
    task = client.submit_job("reverse", "abc")
    expect(eventually { server.status("reverse") == [1, 0, 1] }).to be(true)
    work.signal("CONT")
    expect(task.value(30)).to eq("cba")
  end

  it "TTIN: tells what it is at" do
    work = workforce("-c", "2")
    task = begun(work, "patient", "60")
    handle = eventually { task.handle }
    work.signal("TTIN")
    wait_for(work) { work.logged("thread evgearman job").any? { |line| line["backtrace"].include?("handlers.rb") } }
    expect(work.logged("in flight")).to match([a_hash_including("function" => "patient", "handle" => handle)])
    work.signal("TERM")
    task.value(30)
  end

  it "HUP: replaces one process after the other by one with the code of now, and loses no job" do
    Dir.mktmpdir do |dir|
      code = File.join(dir, "code.rb")
      File.write(code, %(EVGearman::Runtime.register("version") { "1" }))
      work = workforce("-p", "2", handlers: code)
      first = work.workers
      File.write(code, %(EVGearman::Runtime.register("version") { "2" }))
      work.signal("HUP")
      answers = []
      wait_for(work) do
        answers << client.call("version", timeout: 30)
        work.workers != first
      end
      expect(answers.chunk_while { |a, b| a == b }.map(&:first)).to start_with("1")
      expect(client.call("version", timeout: 30)).to eq("2")
      expect(first).to all(satisfy { |pid| work.gone?(pid) })
    end
  end

  it "HUP: keeps those that it has when the code of now does not load" do
    Dir.mktmpdir do |dir|
      code = File.join(dir, "code.rb")
      File.write(code, %(EVGearman::Runtime.register("version") { "1" }))
      work = workforce("-p", "2", handlers: code)
      first = work.workers
      File.write(code, "nonsense")
      work.signal("HUP")
      wait_for(work) { work.logged("cannot load").any? }
      expect(client.call("version", timeout: 30)).to eq("1")
      expect(work.logged("cannot load").first["message"]).to match(/\Acannot load .*code\.rb: NameError: undefined local variable/)
      expect(first).to all(satisfy { |pid| !work.gone?(pid) })
    end
  end

  it "in a process of its own: TERM, quiet and TTIN all the same" do
    work = workforce("-p", "0", wait: false)
    wait_for(work) { work.logged("ready").any? }
    expect(whoami).to eq(work.pid)
    work.signal("TSTP")
    wait_for(work) { work.logged("quiet").any? }
    work.signal("CONT")
    task = begun(work, "patient", "60")
    work.signal("INT")
    expect(task.value(30)).to eq("stopped")
    expect(ended(work)).to eq(0)
  end
end
