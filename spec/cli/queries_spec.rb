# frozen_string_literal: true

[Embedded, Gearmand].each do |kind|
  RSpec.describe "evgearman, asking #{kind}", :cli, server: kind do
    let(:server) { shared_server }
    let(:client) { client_for(server) }
    let(:name) { function("asked") }

    # A worker that says it can do it, and does nothing.
    def idle_worker(*functions, **options)
      worker = worker_for(server, **options)
      functions.each { |function| worker.can_do(function) }
      settle(worker)
      worker
    end

    describe "status" do
      it "is a table of functions" do
        2.times { client.enqueue(name) }
        idle_worker(name)
        ran = ask("status", name)
        expect(ran.lines.first.split).to eq(%w[FUNCTION JOBS WAITING RUNNING WORKERS])
        expect(ran.cells).to eq([[name, "2", "2", "0", "1"]])
        expect([ran.err, ran.code]).to eq(["", 0])
      end

      it "has all functions, by name" do
        names = [name, function("another")].each { |function| client.enqueue(function) }
        listed = ask("status").cells.map(&:first)
        expect(listed).to include(*names).and eq(listed.sort)
      end

      it "is JSON" do
        client.enqueue(name)
        expect(ask("status", name, "--json").json).to eq([{ server: server.url, name: name, total: 1, running: 0, workers: 0, waiting: 1 }])
      end

      it "tells what waits by priority" do
        %i[high high low].each { |priority| client.enqueue(name, priority: priority) }
        expect(ask("status", "--priorities", name).cells).to eq([[name, "2", "0", "1", "0"]])
      end

      it "fails for a function that nobody has heard of" do
        expect(ask("status", name)).to have_attributes(code: 1, err: "evgearman: no such function: #{name}\n")
      end

      it "shows again and again, one below the other" do
        client.enqueue(name)
        ran = ask("status", name, "--watch", "0.01", "--count", "3")
        expect(ran.out.scan(/^#{name} /).size).to eq(3)
        expect(ran.code).to eq(0)
      end

      it "shows a line of JSON each time" do
        client.enqueue(name)
        lines = ask("status", name, "--watch", "0.01", "--count", "2", "--json").lines.map { |line| JSON.parse(line) }
        expect(lines.map { |line| line["functions"].first["waiting"] }).to eq([1, 1])
        expect(lines.map { |line| line["time"] }).to all(be_within(60).of(Time.now.to_f))
      end
    end

    describe "workers" do
      it "is a table of those that can do something" do
        idle_worker(name, client_id: "asked-#{name}")
        client.echo("here").value
        expect(ask("workers", name).lines.last).to match(/\Aasked-#{name}  127\.0\.0\.1 +\d+  #{name}\z/)
        expect(ask("workers").cells.map(&:last)).to include(name)
        expect(ask("workers", "nobody-has-this").cells).to be_empty
      end

      it "has clients, too, if they are asked for" do
        client.set_client_id(name).echo("here").value
        seen = [[], ["--all"]].map { |flags| ask("workers", *flags, "--json").json.map { |row| row[:client_id] }.include?(name) }
        expect(seen).to eq([false, true])
      end
    end

    describe "jobs" do
      it "lists them" do
        handle = client.enqueue(name)
        expect(ask("jobs").cells).to include([handle, "yes", "-", "0"])
        row = ask("jobs", "--json").json.find { |job| job[:handle] == handle }
        expect(row).to eq(server: server.url, handle: handle, background: true, cancelled: false, retries: 0)
      end

      it "tells how some are" do
        waits = client.enqueue(name)
        runs = client.submit_job(other = function("running"))
        worker_for(server).register_function(other, async: true) { |job| job.status(1, 4) }.work
        eventually { runs.progress == [1, 4] }
        ran = ask("jobs", waits, runs.handle, "H:nobody:1")
        expect(ran.cells).to eq([[waits, "waiting", "-"], [runs.handle, "running", "25 % (1/4)"], ["H:nobody:1", "unknown", "-"]])
        expect(ran.code).to eq(0)
      end

      it "finds them by their keys" do
        client.enqueue(name, unique: name)
        expect(ask("jobs", "--unique", name, "nobody").cells).to eq([[name, "waiting", "-", "0"], ["nobody", "unknown", "-", "0"]])
      end
    end

    it "ping tells how long an answer takes" do
      expect(ask("ping", "--count", "1").out).to match(/\A#{server.url}  \d+\.\d\d ms\n\z/)
      expect(ask("ping", "--json").json).to match([{ server: server.url, seconds: a_value_between(0, 30) }])
    end

    it "version tells the server's, if it is named" do
      version = client.server_version.value
      expect(ask("version").lines).to eq(["evgearman #{EVGearman::VERSION}", "#{server.url}  #{version}"])
      expect(ask("version", "--json").json).to eq(evgearman: EVGearman::VERSION, servers: [{ server: server.url, version: version }])
    end

    describe "maxqueue" do
      it "limits a function that is known" do
        client.enqueue(name)
        expect(ask("maxqueue", name, "1")).to have_attributes(code: 0, out: "", err: "")
        expect(ask("submit", "--background", name)).to have_attributes(code: 75, err: /\Aevgearman: QUEUE_ERROR.*\n\z/)
        expect(ask("maxqueue", name).code).to eq(0)
        expect(ask("submit", "--background", name).code).to eq(0)
      end

      it "limits priorities" do
        expect(ask("maxqueue", name, "--low", "1", "--create").code).to eq(0)
        expect(Array.new(2) { ask("submit", "-b", "--low", name).code }).to eq([0, 75])
        expect(ask("submit", "-b", name).code).to eq(0)
      end

      it "fails for one that is not, unless it is to be made" do
        expect(ask("maxqueue", name, "1")).to have_attributes(code: 1, err: /no such function: #{name} .*; --create makes it$/)
        expect(ask("maxqueue", name, "1", "--create", "--json").json).to eq([{ server: server.url, name: name, done: true }])
        expect(Array.new(2) { ask("submit", "-b", name).code }).to eq([0, 75])
      end

      it "refuses what is no size" do
        expect(ask("maxqueue", name, "many")).to have_attributes(code: 2, err: "evgearman: SIZE must be a whole number, not many\n")
        expect(ask("maxqueue", name, "1", "--low", "1").code).to eq(2)
      end
    end

    describe "cancel" do
      it "takes back what waits" do
        handle = client.enqueue(name)
        expect(ask("cancel", handle)).to have_attributes(code: 0, out: "", err: "")
        done = []
        worker_for(server).register_function(name) { |job| (done << job.workload) && "" }.work
        client.call(name, "next")
        expect(done).to eq(["next"])
      end

      it "goes on behind one that there is not" do
        handle = client.enqueue(name)
        ran = ask("cancel", "H:nobody:1", handle, "--json")
        expect(ran.json.map { |row| row.values_at(:name, :done) }).to eq([["H:nobody:1", false], [handle, true]])
        expect(ran).to have_attributes(code: 1, err: /\Aevgearman: no such job/)
      end
    end

    describe "drop" do
      it "makes a function forgotten" do
        client.create_function(name).value
        expect(ask("drop", name)).to have_attributes(code: 0, out: "", err: "")
        expect(ask("drop", name)).to have_attributes(code: 1, err: "evgearman: no such function: #{name} (#{server.url})\n")
      end

      it "spares one with jobs, and one with workers" do
        client.enqueue(name)
        expect(ask("drop", name)).to have_attributes(code: 1, err: /\Aevgearman: #{name} has jobs \(1\): --force/)
        idle_worker(other = function("done"))
        expect(ask("drop", other, "--force")).to have_attributes(code: 1, err: /\Aevgearman: #{other} has workers \(1\)/)
      end
    end

    # Where so many jobs wait that to list them would be a burden, it does not say what comes.
    describe "top, at a server without other jobs" do
      let(:server) { own_server }

      it "tells what comes, and how it changes" do
        client.enqueue(name)
        command = [*ruby, CommandLine::PROGRAM, "top", "--json", "--interval", "0.1", "--servers", server.url]
        IO.popen(CommandLine::CLEAN, command) do |top|
          row = ->(look) { look["functions"].find { |one| one["name"] == name } }
          look = -> { JSON.parse(top.gets) }
          expect(row[look.call]).to include("waiting" => 1, "change" => nil)
          49.times { client.enqueue(name) }
          looks = [look.call]
          came = ->(one) { one["servers"].first["came_per_second"].to_f }
          looks << look.call until row[looks.last]["waiting"] == 50 && looks.any? { |one| came[one].positive? }
          expect(looks.map { |one| row[one]["change"] }).to include(be_positive)
          Process.kill("INT", top.pid)
        end
        expect($?.exitstatus).to eq(130)
      end
    end
  end
end
