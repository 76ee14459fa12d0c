# frozen_string_literal: true

require "evgearman/cli"
require "evgearman/cli/work"
require "evgearman/runtime"
require "puma"
require "puma/configuration"
require "puma/plugin/evgearman"

# What docs/workers.md says beside its Ruby programs.
RSpec.describe "docs/workers.md" do
  let(:text) { File.read(File.join(Page::ROOT, "docs/workers.md")) }

  def rows(head) = text[/^#{Regexp.escape(head)}\n\|[-|]+\n(.*?)\n\n/m, 1].lines.map { |row| row.split("|").drop(1).map(&:strip)[..2] }
  def block(kind) = text[/^```#{kind}\n(.*?)^```$/m, 1]

  it "has all settings, with what their flags say, and their defaults" do
    said = rows("| setting | default | |").to_h { |name, default, what| [name.delete("`"), [default, what]] }
    table = EVGearman::Settings::TABLE
    expect(said.transform_values(&:last)).to eq(table.to_h { |row| [row.name.to_s, row.text] })
    plain = table.reject { |row| row.default.nil? || row.default.is_a?(Array) }
    expect(said.values_at(*plain.map { |row| row.name.to_s }).map(&:first)).to eq(plain.map { |row| row.default.to_s })
  end

  it "has a file of settings that can be read" do
    Dir.mktmpdir do |dir|
      File.write("#{dir}/evgearman.yml", block("yaml"))
      settings = EVGearman::Settings.load({}, env: {}, file: "#{dir}/evgearman.yml", environment: "production")
      expect(settings.to_h).to include(processes: 2, probe_port: 7433, tls: { ca_file: "/etc/ssl/jobs.pem" }, log_format: "json")
    end
  end

  it "has commands with flags that there are" do
    commands = text.scan(/evgearman work .*?(?=  |$)/).reject { |line| line.include?("`") }
    expect(commands.size).to be >= 5
    commands.each { |command| expect(EVGearman::CLI::Work.new.parser.parse(command.split.drop(2))).to eq([]) }
  end

  it "has a unit for systemd that lasts longer than jobs may" do
    unit = block("ini").scan(/^(\w+)=(.*)$/).to_h
    expect(unit["Type"]).to eq("notify")
    expect(unit["TimeoutStopSec"].to_i).to be > EVGearman::Settings.load({}, env: {})[:timeout]
  end

  it "names signals that are heeded" do
    named = rows("| | |").flat_map { |signals, _| signals.scan(/`([A-Z12]+)`/).flatten }
    expect(named).to match_array(EVGearman::Runtime::Supervisor::HEEDED - ["CHLD"])
  end

  it "has a configuration that Puma takes" do
    Page.new("docs/workers.md").file("puma") do |path|
      code = File.readlines(path).grep_v(/Answers/).join
      configuration = Puma::Configuration.new { |dsl| dsl.instance_eval(code) }
      configuration.respond_to?(:clamp) && configuration.clamp
      expect(configuration.options[:evgearman_mode]).to eq(:fork)
    end
  end

  it "names options that gearmand has", server: Gearmand do
    options = text[/^## gearmand\n.*/m].scan(/--\w[\w-]+/).uniq
    known = `#{Requirements.find("gearmand")} --help`.scan(/--[\w-]+/)
    expect(options.size).to be >= 7
    expect(options - known).to eq([])
  end
end
