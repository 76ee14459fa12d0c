# frozen_string_literal: true

# What docs/command-line.md shows, tried: in one shell, in its order.
RSpec.describe "docs/command-line.md", :cli do
  let(:text) { File.read(File.join(Page::ROOT, "docs/command-line.md")) }
  let(:server) { own_server(handle_prefix: "H:host") }

  # [command, what is printed], …
  def shown
    text.scan(/^```console\n(.*?)^```$/m).flat_map do |(block)|
      block.split(/^\$ /).drop(1).map { |part| part.split("\n", 2) }
    end
  end

  def serve
    worker = worker_for(server, client_id: "pictures", on_callback_error: ->(*) {})
    worker.register_function("reverse") { |job| job.workload.reverse }
    worker.register_function("resize") { raise "no such picture" }
    worker.work
    settle(worker)
    loop.start
  end

  # What a shell prints for each command, which sees how the one before has ended.
  def run(commands)
    Dir.mktmpdir do |dir|
      program = File.join(dir, "evgearman")
      File.write(program, "#!/bin/sh\nexec #{[*ruby, "--disable=gems", CommandLine::PROGRAM].map(&:shellescape).join(" ")} \"$@\"\n")
      File.chmod(0o755, program)
      script = commands.map { |command| "#{command}\nended=$?; echo '\1'; (exit $ended)\n" }.join
      env = CommandLine::CLEAN.merge("GEARMAN_SERVERS" => server.url, "PATH" => "#{dir}:#{ENV.fetch("PATH")}")
      Open3.capture2e(env, "sh", stdin_data: script, chdir: dir).first.split("\1\n")
    end
  end

  # To the letter; but how wide a column is depends on what is in it, also where the page leaves that out.
  def pattern_of(text)
    exact = Regexp.escape(text)
    exact = exact.gsub("…", ".*").gsub(/(?:\\ ){2,}/, " {2,}") if text.include?("…")
    /\A#{exact}\z/
  end

  it "prints what stands there" do
    serve
    commands, wanted = shown.transpose
    expect(commands.size).to be > 20
    printed = run(commands).map { |output| output.gsub(server.url, "127.0.0.1:4730").chomp }
    wrong = commands.zip(printed, wanted).reject { |_, output, text| pattern_of(text.chomp).match?(output) }
    expect(wrong).to be_empty
  end

  it "knows each way to end" do
    codes = EVGearman::CLI.constants.map { |name| EVGearman::CLI.const_get(name) }.grep(Integer)
    expect(text.scan(/^\| (\d+) \|/).flatten.map(&:to_i)).to eq(codes.sort)
  end

  it "names each command" do
    expect(EVGearman::CLI.names.reject { |name| text.match?(/\b#{name}\b/) }).to be_empty
  end
end
