# frozen_string_literal: true

require "open3"
require "rbconfig"

# Scripts that run in a Ruby process of their own: for signals, forks and exits.
module Children
  PRELUDE = <<~'RUBY'
    require "evgearman"
    require "timeout"
    $stdout.sync = true
    Thread.report_on_exception = false
    URL = ARGV.fetch(0)
    LOOP = EVGearman::Loop.new
    def client(**options) = EVGearman::Client.new(url: URL, loop: LOOP, **options)
    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    def eventually = (sleep(0.002) until yield)
    def asleep(thread) = eventually { thread.status == "sleep" }
    def never(client) = client.submit_job("nobody-does-this", "", timeout: 60)
  RUBY

  # Answers what it printed and how it ended; see run_ruby.
  def child(script, url: shared_server.url, prelude: PRELUDE, **options, &block)
    run_ruby("--disable=gems", "-e", prelude + script, url, **options, &block)
  end

  # The same for any arguments. Without bundler, since it is told where everything is: that takes longer than most of what
  # is run. It has PATIENCE seconds; the block gets its pid when it has printed a line.
  def run_ruby(*arguments, env: {}, patience: 2 * Examples::PATIENCE)
    Open3.popen2e({ "RUBYOPT" => nil, **env }, *ruby, *arguments) do |input, output, waiter|
      input.close
      text = block_given? ? output.gets.tap { yield waiter.pid }.to_s : +""
      reader = Thread.new { text << output.read }
      ended = waiter.join(patience) or Process.kill("KILL", waiter.pid)
      reader.join(5)
      raise "it hangs after: #{text}" unless ended

      [text, waiter.value]
    end
  end

  # A Ruby that finds the build which is under test.
  def ruby = [RbConfig.ruby, "-I#{$LOAD_PATH.join(File::PATH_SEPARATOR)}"]

  # Answers what a script of the project printed and how it ended. Without bundler and gems, which make each process large.
  def script(path, *args) = Open3.capture2e({ "RUBYOPT" => nil }, *ruby, "--disable=gems", path, *args)

  # What the block answers in a forked child, which leaves by exit!.
  def forked(patience = Examples::PATIENCE, &block)
    IO.pipe do |reader, writer|
      pid = fork { answer_by(writer, &block) }
      writer.close
      ready = reader.wait_readable(patience)
      Process.kill("KILL", pid) unless ready
      Process.wait(pid)
      raise "a forked child hangs" unless ready

      return Marshal.load(reader.read) # rubocop:disable Security/MarshalLoad -- it is ours
    end
  end

  private

  def answer_by(writer)
    answer = begin
      yield
    rescue Exception => e # rubocop:disable Lint/RescueException -- nothing of RSpec may run on in the child
      "#{e.class}: #{e.message}"
    end
    writer.write(Marshal.dump(answer))
    writer.close
  ensure
    exit!(0)
  end
end

RSpec.configure { |config| config.include Children }
