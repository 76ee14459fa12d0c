# frozen_string_literal: true

# Bytes that a terminal is told.
RSpec.describe "evgearman on a terminal", :cli do
  let(:server) { own_server }
  let(:client) { client_for(server) }
  let(:name) { function("seen") }

  page = "\e[?1049h"
  back = "\e[?1049l"

  # Lines as they are read: without styles and moves.
  def plain(text) = text.gsub(/\e\[[0-9;?]*[A-Za-z]/, "").split(/[\r\n]+/).map(&:rstrip)

  # A worker that is turned while one reads.
  def serve(&handler)
    worker_for(server).register_function(name, async: true, &handler).work
    loop.start
  end

  describe "submit" do
    it "shows a bar on one line, which is gone in the end" do
      jobs = []
      serve { |job| jobs << job }
      on_terminal("submit", name, "x", "-s", server.url) do |terminal|
        eventually { jobs.any? }
        expect(plain(terminal.read_until(/runs/)).last).to match(/\A#{name}  runs  0:\d\d\z/)
        jobs.first.status(1, 4)
        settle(client)
        expect(plain(terminal.read_until(%r{1/4  0:\d\d})).last).to match(%r{\A#{name}  █{10}░{30}   25 %  1/4  0:\d\d\z})
        jobs.first.send_data("half\n")
        jobs.first.status(5, 4)
        settle(client)
        lines = plain(terminal.read_until(%r{5/4  0:\d\d}))
        expect([lines.include?("half"), lines.last]).to match([true, %r{\A#{name}  █{40}  100 %  5/4  0:\d\d\z}])
        jobs.first.complete("done")
        settle(client)
        expect(terminal.read_until(/done\r\n/)).to end_with("\r\e[Kdone\r\n")
        expect([terminal.code, terminal.text.include?("\e[?")]).to eq([0, false])
      end
    end

    it "fits, and is ASCII where nothing else is shown" do
      serve { |job| job.status(1, 2) }
      on_terminal("submit", name, "x", "-s", server.url, columns: 50, env: { "LC_ALL" => "C", "NO_COLOR" => "1" }) do |terminal|
        text = terminal.read_until(%r{1/2  0:\d\d})
        expect(plain(text).last).to match(/\A#{name}  (\#+)\.+   50 %/)
        expect([plain(text).last.size, text.include?("\e[3")]).to match([be < 50, false])
        Process.kill("INT", terminal.pid)
        expect(terminal.code).to eq(130)
      end
    end

    it "says that nobody does it, until Ctrl-C" do
      on_terminal("submit", name, "x", "-s", server.url) do |terminal|
        terminal.read_until(/waits for a worker/)
        terminal.press("\C-c")
        expect([terminal.code, terminal.cooked?]).to eq([130, true])
        expect(terminal.text).to end_with("\r\e[K")
      end
    end
  end

  { "top" => ["top", "--interval", "0.1"], "status --watch" => ["status", "--watch", "0.1"] }.each do |what, arguments|
    describe what do
      let(:command) { [*arguments, "-s", server.url] }

      it "has a page of its own, and leaves by q" do
        client.enqueue(name)
        on_terminal(*command) do |terminal|
          first = terminal.read_until(/#{name}.*\e\[J/m)
          expect(first).to include(page).and include("\e[1mFUNCTION")
          expect(first).to match(/\e\[31m#{name} .*\e\[0m/) # a job, and nobody who does it
          client.enqueue(name)
          terminal.read_until(/#{name} +2 /)
          terminal.press("q")
          expect([terminal.code, terminal.cooked?]).to eq([0, true])
          expect(terminal.text).to end_with("\e[?25h#{back}")
        end
      end

      it "leaves by Ctrl-C and by TERM, and the terminal is as before" do
        [->(terminal) { terminal.press("\C-c") }, ->(terminal) { Process.kill("TERM", terminal.pid) }].zip([130, nil]) do |leave, code|
          on_terminal(*command) do |terminal|
            terminal.read_until(/FUNCTION/)
            leave.call(terminal)
            expect([terminal.code, terminal.cooked?]).to eq([code, true])
            expect(terminal.text).to end_with("\e[?25h#{back}")
          end
        end
      end

      it "gives the terminal back while it is suspended" do
        on_terminal(*command, job: true) do |terminal|
          terminal.read_until(/FUNCTION/)
          Process.kill("TSTP", terminal.pid)
          Process.wait(terminal.pid, Process::WUNTRACED)
          terminal.read_until(/#{Regexp.escape(back)}\z/)
          Process.kill("CONT", terminal.pid)
          terminal.read_until(/#{Regexp.escape(page)}.*FUNCTION/m)
          terminal.press("q")
          expect(terminal.code).to eq(0)
        end
      end

      it "says that the server is away, and is there again with it" do
        on_terminal(*command) do |terminal|
          terminal.read_until(/FUNCTION/)
          server.kill
          terminal.read_until(/\e\[31mconnect failed: Connection refused/)
          server.restart
          client.enqueue(name)
          terminal.read_until(/#{name}/)
          terminal.press("q")
          expect(terminal.code).to eq(0)
        end
      end

      it "keeps within the screen" do
        40.times { |number| client.create_function("#{name}-#{number}-#{"x" * 100}").value }
        on_terminal(*command, columns: 60, rows: 10) do |terminal|
          first = terminal.read_until(/FUNCTION.*?\e\[J/m)
          lines = plain(first[/.*?\e\[J/m])
          expect([lines.size, lines.map(&:size).max]).to match([be <= 10, be <= 60])
          terminal.press("q")
          terminal.code
        end
      end
    end
  end

  it "top sorts by its keys" do
    first, second = [function("a"), function("b")].each { |function| client.create_function(function).value }
    client.enqueue(second)
    on_terminal("top", "--interval", "0.1", "-s", server.url) do |terminal|
      terminal.read_until(/by waiting.*#{second}.*#{first}.*\e\[J/m)
      terminal.press("n")
      terminal.read_until(/by name.*#{first}.*#{second}.*\e\[J/m)
      terminal.press("q")
      expect(terminal.code).to eq(0)
    end
  end

  it "has no colours where NO_COLOR is, and no page on a terminal that cannot" do
    client.enqueue(name)
    plain = { "NO_COLOR" => "1" }
    on_terminal("status", "-s", server.url, env: plain) { |terminal| expect(terminal.read_until(/#{name}.*\n/)).not_to include("\e[") }
    on_terminal("status", "-s", server.url, env: { "NO_COLOR" => "" }) { |terminal| expect(terminal.read_until(/#{name}.*\n/)).to include("\e[31m") }
    on_terminal("status", "-w", "0.01", "-n", "2", "-s", server.url, env: { "TERM" => "dumb" }) do |terminal|
      terminal.code
      expect(terminal.text).to include(name)
      expect(terminal.text).not_to include("\e")
    end
  end

  it "cuts what is too wide, and shows no control bytes of others" do
    client.enqueue("#{"long" * 30}\tend")
    on_terminal("status", "-s", server.url, columns: 60) do |terminal|
      line = plain(terminal.read_until(/long.*\n/)).find { |one| one.start_with?("long") }
      expect(line).to match(/\A(?:long)+\w*… +1 +1 +0 +0\z/)
      expect(line.size).to be <= 60
    end
  end
end
