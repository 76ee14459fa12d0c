# frozen_string_literal: true

RSpec.describe "examples/" do
  names = %w[
    client pipeline background scheduled unique event_client fanout priority_queue json_payload retry
    worker async_worker worker_pool graceful_worker cron_consumer exceptions
    admin monitoring reconnect multi_server unix_socket tls error_handling threads fiber_scheduler
  ]
  folder = File.expand_path("../examples", __dir__)

  # What it printed, and how it ended.
  define_method(:run_file) do |name, *arguments, &block|
    run_ruby("--disable=gems", "-w", "#{folder}/#{name}.rb", *arguments, &block)
  end

  it "has one for each purpose, and its README names them all" do
    expect(Dir.children(folder)).to match_array(names.map { |name| "#{name}.rb" } + %w[demo.rb README.md])
    expect(File.read("#{folder}/README.md").scan(/\((\w+)\.rb\)/).flatten).to match_array(names + %w[demo])
  end

  names.each do |name|
    it "#{name}.rb is short, says how to run it, and has no warning" do
      source = File.read("#{folder}/#{name}.rb", encoding: "UTF-8")
      expect(source.lines.size).to be_between(15, 50)
      expect(source).to match(%r{\A# frozen_string_literal: true\n\n# [A-Z].*ruby -Ilib examples/#{name}\.rb.*\n\nrequire "}m)
      expect { RubyVM::InstructionSequence.compile(source) }.not_to output.to_stderr
    end
  end

  describe "demo" do
    parts = ["Server  ", "one job     namraeG ,olleH", "progress    █", "result      counted to 8", "the worker has a letter",
             "demo-worker  127.0.0.1  count fail mail reverse", "there is no such page", "mail        has a reminder",
             "finished    1005 jobs in all"].freeze

    it "shows all there is on a server of its own, as plain text in a pipe" do
      output, status = run_file("demo")
      expect(status).to be_success, output
      expect(output.force_encoding("UTF-8")).to include(*parts, "of this gem")
      expect(output).not_to match(/[\e\r]/)
    end

    it "shows the same on gearmand", server: Gearmand do
      output, status = run_file("demo", "--server", own_server.url)
      expect(status).to be_success, output
      expect(output.force_encoding("UTF-8")).to include(*parts)
    end

    it "says so when there is none" do
      output, status = run_file("demo", "--server", "127.0.0.1:1")
      expect([status.success?, output]).to match([false, /connect failed: Connection refused/])
    end
  end

  describe "run against a server" do
    let(:server) { own_server }
    let(:client) { client_for(server) }

    # What an example printed, as lines. It has to end by itself and well; the block is called with its pid in between.
    define_method(:run) do |name, *arguments, &block|
      arguments = [server.url] if arguments.empty?
      output, status = run_file(name, *arguments, &block)
      expect(status).to be_success, output
      output.force_encoding("UTF-8").lines(chomp: true)
    end

    # What a worker printed that was told to end after the block.
    def serving(name, *functions, arguments: [server.url])
      run(name, *arguments) do |pid|
        functions.each { |function| eventually { server.status(function).last == 1 } }
        yield
      ensure
        Process.kill("TERM", pid)
      end
    end

    # What an example printed beside worker.rb.
    def run_with_worker(name, *arguments)
      output = nil
      serving("worker", "reverse", "report") { output = run(name, *arguments) }
      output
    end

    it "client: has a result by waiting, by a Task and by a block" do
      expect(run_with_worker("client")).to eq(["desserts", "meanwhile, reverse is under way", "desserts", "desserts"])
    end

    it "client: asks for what it is told" do
      expect(run_with_worker("client", server.url, "words", "three short words"))
        .to eq(["3", "meanwhile, words is under way", "3", "3"])
    end

    it "pipeline: has a thousand results in order, in three ways" do
      expect(run_with_worker("pipeline")).to match([
                                                     /\Aone after another +1000 results, the last is 999 drow, \d+ ms\z/,
                                                     /\Aall at once +1000 results, the last is 999 drow, \d+ ms\z/,
                                                     /\A100 at a time +1000 results, the last is 999 drow, \d+ ms\z/
                                                   ])
    end

    it "pipeline: has as many as it is told" do
      expect(run_with_worker("pipeline", server.url, "30", "7")).to match([
                                                                            /\Aone after another +30 results, the last is 92 drow, /,
                                                                            /\Aall at once +30 results, the last is 92 drow, /,
                                                                            /\A7 at a time +30 results, the last is 92 drow, /
                                                                          ])
    end

    it "background: leaves three jobs with the server, which a worker does later" do
      output = run("background")
      expect(output[0]).to match(/\Aqueued as (H:\S+)\z/)
      expect(output[1]).to match(/\Aqueued as H:\S+ and H:\S+\z/)
      expect(output[2]).to eq("#{output[0].split.last} is waiting")
      mails = serving("worker", "mail") { eventually { server.status("mail").first.zero? } }
      expect(mails.grep(/\Amail to/)).to eq(%w[ada grace joan].map { |name| "mail to #{name}@example.org" })
    end

    it "scheduled: runs what is due now, and the rest not before its second" do
      output = run("scheduled")
      expect(output[0..1]).to match([/\A3 reminders queued, H:\S+ is waiting\z/, /\Aafter [\d.]+ s: read this\z/])
      expect(output[2..].map { |line| line[/: (.*)/, 1] }).to contain_exactly("stand up", "drink some water")
      expect(output[2..].map { |line| line[/[\d.]+/].to_f }).to all(be >= 1.0)
    end

    it "unique: runs a job of two clients once" do
      expect(run("unique")).to eq([
                                    "one handle: true", "2 clients wait, it does not run yet",
                                    "sales 2026: all months, run 1", "sales 2026: all months, run 1", "known afterwards: false"
                                  ])
    end

    it "event_client: hears of pages and progress in the order in which they were said" do
      output = run_with_worker("event_client")
      expect(output[0]).to match(/\Athe server calls it H:/)
      expect(output[1..10]).to eq([
                                    "warning: that is a short report", "got page 1", "#... 1/4", "got page 2", "##.. 2/4",
                                    "got page 3", "###. 3/4", "got page 4", "#### 4/4", "done: 4 pages"
                                  ])
      polled = output.drop(11).slice_after("done: 6 pages").to_a
      expect(polled[0][0..-2]).to all(match(/\Astill at [0-6]\z/))
      expect(polled[1][0..-2]).to all(match(/\Awaiting|[0-8] of [08]\z/))
      expect(polled[1].last).to match(/\AH:\S+ is not known any more\z/)
    end

    it "fanout: counts the words of all files" do
      files = Dir["#{folder}/*.rb"]
      words = files.sum { |file| File.binread(file).split.size }
      expect(run_with_worker("fanout").last).to match(/\A +#{words} words in #{files.size} files\z/)
    end

    it "priority_queue: takes urgent jobs first" do
      expect(run("priority_queue")).to eq([
                                            "waiting: 2 high, 1 normal, 1 low",
                                            "reset a password", "answer the door", "send the newsletter", "tidy up the archive"
                                          ])
    end

    it "json_payload: sends a Hash and has one back" do
      expect(run("json_payload")).to eq(["Žofie Nováková owes 30"])
    end

    it "retry: comes through when there is room in the queue, and when the job does not fail any more" do
      output = run("retry")
      expect(output.first).to match(/\AQUEUE_ERROR: Job queue is full, of send \(\S+\); try 2 in 0\.\d\d s\z/)
      expect(output.grep_v(/; try \d/)).to contain_exactly(
        "sent the first mail", "sent the second mail", /\Aqueued as H:/, "the page, at last"
      )
      expect(output.grep(/\Aexception/)).to match([/: the page is busy, of fetch .*; try 2 in \d/, /: the page is busy, of fetch .*; try 3 in \d/])
    end

    it "worker: serves until TERM" do
      output = serving("worker", "reverse", "words", "mail", "report") do
        expect(client.call("words", "two words", timeout: 30)).to eq("2")
      end
      expect(output.first(2)).to eq(["examples does mail, report, reverse, words for #{server.url}. Ctrl-C to stop.", "connected"])
      expect(output.drop(2).tally).to match("nothing to do" => be_between(1, 2), "1 jobs done" => 1) # it may be stopped before the second
    end

    it "worker: tells of a server that goes, and that it is back" do
      output = serving("worker", "reverse") do
        server.kill.then { server.restart }
        eventually { server.status("reverse").last == 1 }
      end
      lines = output[1..-2].map { |line| line.sub(/\Atrouble: .*/, "trouble") }.chunk_while { |a, b| a == b }.map(&:first)
      expect(lines.first(4)).to eq(["connected", "nothing to do", "trouble", "connected"])
      expect(output.grep(/\Atrouble/).first).to include("connection closed by server")
    end

    it "async_worker: has many jobs under way at once, so short ones overtake" do
      order = []
      output = serving("async_worker", "wait", "countdown") do
        tasks = %w[1 0.5 0].map { |time| client.submit_job("wait", time) { |result, _| order << result } }
        steps = []
        said = ->(*what) { steps << what }
        tasks << client.submit_job("countdown", "3", on_status: said, on_data: said)
        expect(EVGearman::Task.all(tasks, 30).last).to eq("lift-off")
        expect(steps).to eq([%w[1 3], ["2 to go"], %w[2 3], ["1 to go"], %w[3 3], ["0 to go"]])
      end
      expect(order).to eq(["waited 0.0 s", "waited 0.5 s", "waited 1.0 s"])
      expect(output.last).to eq("4 jobs done")
    end

    it "worker_pool: has four jobs under way at once and not more" do
      output = serving("worker_pool", "fetch") do
        expect(client.map("fetch", [*"1".."8"])).to eq([*1..8].map { |n| "fetched #{n}" })
      end
      expect(output.last).to eq("8 jobs done, 4 at a time at most")
    end

    it "worker_pool: has as many as it is told" do
      output = serving("worker_pool", "fetch", arguments: [server.url, "2"]) { client.map("fetch", [*"1".."5"]) }
      expect(output.first).to match(/\Apool-\d+ works for #{server.url}, 2 jobs at a time\. /)
      expect(output.last).to eq("5 jobs done, 2 at a time at most")
    end

    it "graceful_worker: finishes what it has when TERM comes, the short job and the first part of the long one" do
      task = nil
      output = serving("graceful_worker", "resize", "reindex") do
        expect(client.call("resize", "photo", timeout: 30)).to eq("photo resized")
        task = client.submit_job("reindex", "10000")
        eventually { server.status("reindex")[1] == 1 }
      end
      expect(task.value(30)).to match(/\A\d+ of 10000 rows\z/)
      expect(output[1..]).to eq(["finished 2, handed back 0"])
    end

    it "cron_consumer: takes what is queued, answers it, and ends" do
      %w[first@example.org nobody last@example.org].each { |mail| client.enqueue("mail", mail) }
      expect(run("cron_consumer")).to contain_exactly(
        "mail to first@example.org", /\AH:\S+: no address: nobody\z/, "mail to last@example.org", "3 jobs taken, no more to do"
      )
      expect(server.status("mail")).to eq([0, 0, 0])
    end

    it "cron_consumer: takes no more than it is told" do
      5.times { |n| client.enqueue("mail", "number-#{n}@example.org") }
      expect(run("cron_consumer", server.url, "3")).to eq([
                                                            *(0..2).map { |n| "mail to number-#{n}@example.org" },
                                                            "3 jobs taken, the rest is for the next time"
                                                          ])
      expect(server.status("mail")).to eq([2, 0, 0])
    end

    it "exceptions: tells the client what they said" do
      expect(run("exceptions")).to eq([
                                        "fetch is about to fail: there is no page 42", "fetch: there is no page 42",
                                        "charge is about to fail: card declined", "charge: card declined", "guess: failed, and nobody says why",
                                        "the worker reported KeyError"
                                      ])
    end

    it "admin: makes a function, limits it, and takes its jobs back" do
      version = server.ask("version").delete_prefix("OK ")
      expect(run("admin")).to eq([
                                   "gearmand #{version}, process #{server.pid}", "resize: 0 waiting, 0 workers", "connected: operator",
                                   "refused: QUEUE_ERROR", "still wanted: 0", "OK ERROR"
                                 ])
      expect(server.ask("status")).to be_empty
    end

    it "monitoring: prints so many tables, the longest queue first" do
      2.times { client.enqueue("resize") }
      client.enqueue("mail")
      table = [
        "FUNCTION                  WAITING  RUNNING  WORKERS",
        "resize                          2        0        0  nobody does it",
        "mail                            1        0        0  nobody does it",
        ""
      ]
      expect(run("monitoring", server.url, "2", "0.1")).to eq(table * 2)
    end

    it "monitoring: prints lines for a collector" do
      2.times { client.enqueue("app.resize") }
      lines = run("monitoring", "--lines", server.url, "2", "0.1")
      expect(lines.map { |line| line.sub(/ \d{10}\z/, "") })
        .to eq(["gearman.app_resize.waiting 2", "gearman.app_resize.running 0", "gearman.app_resize.workers 0"] * 2)
    end

    it "reconnect: goes on when the server is back, and leaves out no line" do
      output = run("reconnect") { server.kill.then { server.restart } }
      expect(output.grep(/\A(dis)?connected/)).to eq(["connected", "disconnected, 1", "connected"])
      expect(output).to include(/\Aevgearman: connection closed by server.* \(#{server.url}\)\z/)
      numbers = output.filter_map { |line| line[/\Aline (\d+) is H:/, 1]&.to_i }
      expect(numbers).to eq([*1..numbers.last])
      expect(server.status("log").first).to be_between(3, numbers.size)
    end

    it "multi_server: takes turns, and goes past one that is away" do
      others = Array.new(2) { own_server }
      others.last.stop
      output = run("multi_server", server.url, *others.map(&:url))
      up = [server, others.first]
      expect(up.map { |each| each.status("log").first }).to eq([3, 3])
      expect(output.filter_map { |line| line[/\A(\w+) is H:/, 1] }).to eq(%w[one two three four five six])
      results = output.filter_map { |line| line.match(/\A(stressed|repaid) \((.*)\)\z/)&.captures }
      expect(results.map(&:first)).to eq(%w[stressed repaid])
      expect(up.map(&:url)).to include(*results.map(&:last))
    end

    it "unix_socket: reaches gearmand through a relay" do
      expect(run("unix_socket")).to eq(["gearmand.sock: socket"])
    end

    it "tls: does a job on a server of its own, and tells a stranger why it cannot" do
      output, status = run_file("tls")
      expect(output.lines(chomp: true)).to eq(["a job: secret", "a stranger: EVGearman::TLSError"])
      expect(status).to be_success
    end

    it "error_handling: says of each error what is known" do
      unknown = "not to be repeated blindly"
      expect(run("error_handling").map { |line| line.split(/ {2,}/) }).to eq([
                                                                               ["it raised", "EVGearman::JobExceptionError", ":running", unknown],
                                                                               ["it failed", "EVGearman::JobFailedError", ":running", unknown],
                                                                               ["nobody does it", "EVGearman::JobTimeoutError", ":accepted", unknown],
                                                                               ["the same, with a key", "EVGearman::JobTimeoutError", ":accepted", "safe to repeat"],
                                                                               ["not a function name", "ArgumentError", "function must be 1 to 512 bytes without control bytes but TAB"],
                                                                               ["the server says no", "EVGearman::ServerError", ":not_sent", unknown],
                                                                               ["disconnected under it", "EVGearman::DisconnectedError", ":accepted", unknown],
                                                                               ["the server is away", "EVGearman::ConnectError", ":not_sent", "safe to repeat"],
                                                                               ["it was closed", "EVGearman::ConnectionError", "nil", unknown]
                                                                             ])
    end

    it "threads: give each its own answers" do
      output = run_with_worker("threads")
      expect(output.first(8)).to eq((0..7).map { |n| "thread #{n}: 100 of 100 answers are its own" })
      expect(output.last).to eq("800 requests, 0 pending, 0 reconnects")
    end

    it "fiber_scheduler: many calls take the time of a few" do
      answers, time = run("fiber_scheduler")
      expect(answers).to eq("answer 0 to answer 19")
      expect(time[/20 calls of 0.3 s took (\d+\.\d) s/, 1].to_f).to be_between(0.3, 3.0)
    end
  end
end
