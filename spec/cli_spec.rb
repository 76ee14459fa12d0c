# frozen_string_literal: true

require "evgearman/cli"

RSpec.describe "exe/evgearman" do
  program = File.expand_path("../exe/evgearman", __dir__)

  # Lines that it printed, and how it ended.
  define_method(:run) do |*arguments|
    output, status = run_ruby("-w", program, *arguments)
    [output.lines(chomp: true), status.exitstatus]
  end

  it "tells what there is, with one line for each command" do
    lines, status = run
    expect(status).to eq(0)
    expect(lines.first).to eq("Usage: evgearman COMMAND [FLAGS] [ARGUMENTS]")
    expect(lines.filter_map { |line| line[/\A  (\w+)  +\S/, 1] }).to eq(EVGearman::CLI.names)
    expect([run("help"), run("--help")]).to all(eq([lines, 0]))
  end

  it "tells its version" do
    expect([run("--version"), run("-V")]).to all(eq([["evgearman #{EVGearman::VERSION}"], 0]))
  end

  it "tells of each command its flags" do
    EVGearman::CLI.names.each do |name|
      text = EVGearman::CLI.command(name).new.parser.help
      expect(text).to match(/\AUsage: evgearman #{name}.*\n\n[A-Z].+\n\n.*-h, --help/m)
    end
    expect(run("help", "help").first).to eq(run("help", "--help").first)
  end

  it "refuses what it does not know" do
    expect(run("versoin")).to eq([["evgearman: no command versoin; did you mean version?"], 2])
    expect(run("help", "--foo")).to eq([["evgearman: invalid option: --foo"], 2])
    expect(run("help", "a", "b")).to eq([["evgearman: usage: evgearman help [COMMAND]"], 2])
  end

  describe "ends" do
    def ends(error)
      command = Class.new(EVGearman::CLI::Command) { define_method(:call) { raise error } }
      command.const_set(:SUMMARY, "Raises")
      allow(EVGearman::CLI).to receive(:command).and_return(command)
      stub_const("EVGearman::CLI::Tried", command)
      status = nil
      expect { status = EVGearman::CLI.run(["tried"]) }.to output(/\A(?:evgearman: .*\n)?\z/).to_stderr
      status
    end

    it "as the error says" do
      expect([EVGearman::Error, EVGearman::ConnectError, EVGearman::CommandTimeoutError, EVGearman::QueueFullError,
              EVGearman::Settings::Error, Interrupt].map { |error| ends(error) }).to eq([1, 3, 4, 75, 2, 130])
    end
  end
end
