# frozen_string_literal: true

require "io/console"
require "json"
require "open3"
require "pty"
require "stringio"
require "evgearman/cli"

# The program `evgearman`.
module CommandLine
  PROGRAM = File.expand_path("../../exe/evgearman", __dir__)

  # What it printed, and how it ended.
  Ran = Struct.new(:out, :err, :code) do
    def lines = out.lines(chomp: true)
    def json = JSON.parse(out, symbolize_names: true)

    # Cells of a table, without its head.
    def cells = lines.drop(1).map { |line| line.split(/ {2,}/) }
  end

  # As an operator runs it.
  def evgearman(*arguments, input: "", env: {})
    out, err, status = Open3.capture3(CLEAN.merge(env), *ruby, "-w", PROGRAM, *arguments, stdin_data: input, binmode: true)
    Ran.new(out.force_encoding("UTF-8"), err.force_encoding("UTF-8"), status.exitstatus || status.termsig)
  end

  # The same in this process.
  def cli(*arguments, input: "")
    before = [$stdin, $stdout, $stderr]
    $stdin, $stdout, $stderr = StringIO.new(input), StringIO.new, StringIO.new
    code = EVGearman::CLI.run(arguments)
    Ran.new($stdout.string, $stderr.string, code)
  ensure
    $stdin, $stdout, $stderr = before
  end

  # The same, at the server of the example.
  def ask(command, *arguments, **options) = cli(command, *arguments, "--servers", server.url, **options)

  # On a terminal of that size, which is its own: Ctrl-C reaches it. The block has what {Session} is; afterwards it has
  # ended.
  #
  # @param job [Boolean] is it a job of our session instead, as a shell has them? Only these can be suspended
  def on_terminal(*arguments, columns: 80, rows: 24, env: {}, job: false)
    PTY.open do |master, slave|
      slave.winsize = [rows, columns]
      variables = CLEAN.merge("TERM" => "xterm", "LC_ALL" => "C.UTF-8").merge(env)
      command = [*(%w[setsid --ctty] unless job), *ruby, "-w", PROGRAM, *arguments]
      pid = spawn(variables, *command, in: slave, out: slave, err: slave, pgroup: job ? true : nil)
      yield Session.new(master, slave, pid)
    ensure
      Process.kill("KILL", pid) && Process.wait(pid) if pid && !Session.ended?(pid)
    end
  end

  # The environment of those who run the specs says nothing; and without bundler it starts faster.
  CLEAN = %w[GEARMAN_SERVERS EVGEARMAN_SERVERS EVGEARMAN_CONFIG EVGEARMAN_ENV RAILS_ENV RACK_ENV NO_COLOR RUBYOPT]
          .to_h { |name| [name, nil] }.freeze

  # A program on a terminal, and whoever sits there.
  class Session
    def self.ended?(pid)
      Process.wait(pid, Process::WNOHANG)
    rescue Errno::ECHILD
      true
    end

    attr_reader :text, :pid

    def initialize(master, slave, pid)
      @master = master
      @slave = slave
      @pid = pid
      @text = +""
    end

    # Reads until that is there, and answers what was read since the last time.
    def read_until(pattern)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + Examples::PATIENCE
      found = +""
      until found.match?(pattern)
        raise "#{pattern.inspect} does not come after #{found.chars.last(500).join.inspect}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

        found << read(0.1).to_s
      end
      found
    end

    def press(keys) = @master.write(keys)

    # How it ended; what it printed last is read, too.
    def code
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + Examples::PATIENCE
      until (ended = Process.wait2(pid, Process::WNOHANG))
        raise "it does not end" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

        read(0.01)
      end
      nil while read(0)
      ended.last.exitstatus
    end

    # Does it echo what is typed, line by line, as it did before?
    def cooked? = @slave.echo? && `stty -a < #{@slave.path}`.match?(/(?<!-)icanon.*(?<!-)isig|(?<!-)isig.*(?<!-)icanon/m)

    private

    def read(seconds)
      return unless @master.wait_readable(seconds)

      @master.read_nonblock(65_536).force_encoding("UTF-8").tap { |found| @text << found }
    end
  end
end

RSpec.configure { |config| config.include CommandLine, :cli }
