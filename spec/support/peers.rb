# frozen_string_literal: true

require "fileutils"
require "tmpdir"

# Programs of others that speak Gearman, run beside ours. They are stopped after the example.
module Peers
  # One run of a program: what it is given to read, what it says, how it ends.
  class Program
    attr_reader :pid, :status

    def initialize(*command, input: "")
      @dir = Dir.mktmpdir("peer")
      File.binwrite(file("in"), input)
      @pid = Process.spawn(*command, in: file("in"), out: file("out"), err: file("err"))
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

  # Starts a program; one that is not there is a failure in CI, a skip at home.
  def peer(tool, *arguments, **options)
    program = File.exist?(tool) ? tool : require_tool(tool)
    Program.new(program, *arguments, **options).tap { |started| (@peers ||= []) << started }
  end

  # Runs one to its end; our loop is turned meanwhile.
  def run_peer(...)
    peer(...).tap { |program| eventually { program.ended? } }
  end
end

RSpec.configure do |config|
  config.include Peers
  config.after { (@peers || []).each(&:stop) }
end
