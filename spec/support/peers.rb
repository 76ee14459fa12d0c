# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"

# Programs of others that speak Gearman, run beside ours. They are stopped after the example.
module Peers
  # One run of a program: what it is given to read, what it says, how it ends.
  class Program
    attr_reader :pid, :status

    def initialize(*command, input: "", env: Requirements::PLAIN)
      @dir = Dir.mktmpdir("peer")
      File.binwrite(file("in"), input)
      @pid = Process.spawn(env, *command, in: file("in"), out: file("out"), err: file("err"))
    end

    # So far.
    def output = File.binread(file("out"))
    def errors = File.binread(file("err"))
    def lines = output.lines(chomp: true)

    def ended?
      return true if status

      _, @status = Process.wait2(pid, Process::WNOHANG)
      !status.nil?
    end

    def stop
      Process.kill("KILL", pid) unless ended?
      ended? || sleep(0.002) until status
      FileUtils.rm_rf(@dir)
    end

    private

    def file(name) = File.join(@dir, name)
  end

  # Which of Perl's are there; each is looked for once.
  PACKAGES = Hash.new do |known, package|
    known[package] = system("perl", "-e", "exit !grep { -e qq($_/#{package.gsub("::", "/")}.pm) } @INC")
  end

  # Starts a program; one that is not there is a failure in CI, a skip at home.
  def peer(tool, *arguments, **options)
    program = File.exist?(tool) ? tool : require_tool(tool)
    Program.new(program, *arguments, **options).tap { |started| (@peers ||= []) << started }
  end

  # Runs one to its end; our loop is turned meanwhile.
  def run_peer(...)
    peer(...).tap { |program| eventually { program.ended? } }
  end

  def perl_client(server, function, workload = "", **options)
    peer("perl", source("client.pl"), server.url, function, *words(options), input: workload)
  end

  def perl_worker(server, prefix) = peer("perl", source("worker.pl"), server.url, prefix)

  def c_client(server, function, workload = "", **options)
    peer(compiled("client"), server.host, server.port.to_s, function, *words(options), input: workload)
  end

  def c_worker(server, prefix) = peer(compiled("worker"), server.host, server.port.to_s, prefix)

  def require_perl(package)
    PACKAGES[package] || missing("Perl's #{package}")
  end

  def require_perl_server
    require_perl("Gearman::Client")
    require_perl("Danga::Socket")
    PerlServer.there? || missing("Perl's Gearman::Server")
  end

  # One for this example alone.
  def own_perl_server = PerlServer.start.tap { |server| (@servers ||= []) << server }

  private

  def source(name) = File.expand_path("peers/#{name}", __dir__)

  def words(options) = options.map { |name, value| "#{name}=#{value}" }

  # One of our little programs on libgearman.
  def compiled(name)
    program = File.expand_path("../../tmp/peers/#{name}", __dir__)
    return program if File.exist?(program) && File.mtime(program) > File.mtime(source("#{name}.c"))

    require_header("libgearman/gearman.h")
    FileUtils.mkdir_p(File.dirname(program))
    system("cc", "-O1", source("#{name}.c"), "-o", program, "-lgearman", exception: true)
    program
  end

  def require_header(header)
    _, found = Open3.capture2e("cc", "-E", "-", stdin_data: "#include <#{header}>\n")
    found.success? || missing(header)
  end
end

RSpec.configure do |config|
  config.include Peers
  config.after { (@peers || []).each(&:stop) }
end
