# frozen_string_literal: true

require "evgearman/settings"
require "tmpdir"

RSpec.describe EVGearman::Settings do
  around { |example| Dir.mktmpdir { |dir| Dir.chdir(dir) { example.run } } }

  def write(text, path = "config/evgearman.yml")
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
    path
  end

  def load(flags = {}, env: {}, **options) = described_class.load(flags, env: env, **options)

  def complaint(*args, **options)
    load(*args, **options)
    "none"
  rescue described_class::Error => e
    e.message
  end

  it "are what the table says when nobody says anything" do
    settings = load
    expect(settings.to_h).to include(servers: ["127.0.0.1:4730"], concurrency: 5, processes: 1, timeout: 25, queues: nil)
    expect(settings.source(:concurrency)).to eq("default")
    expect(settings.connection).to eq({})
    expect(settings).to be_frozen
  end

  it "are by flags, else by the environment, else by the file" do
    write("concurrency: 1\nprocesses: 1\ntimeout: 1\n")
    settings = load({ concurrency: "3" }, env: { "EVGEARMAN_CONCURRENCY" => "2", "EVGEARMAN_PROCESSES" => "2" })
    expect(%i[concurrency processes timeout].map { |name| [settings[name], settings.source(name)] })
      .to eq([[3, "--concurrency"], [2, "EVGEARMAN_PROCESSES"], [1, "config/evgearman.yml"]])
  end

  it "are of the section of the environment, over what stands outside" do
    write("concurrency: 1\nprocesses: 2\nproduction:\n  concurrency: 9\nstaging:\n  concurrency: 7\n")
    expect([load, load(environment: "production"), load(env: { "RAILS_ENV" => "staging" })].map { |each| [each[:concurrency], each[:processes]] })
      .to eq([[1, 2], [9, 2], [7, 2]])
  end

  it "pass the file through ERB, with aliases" do
    write("common: &common\n  concurrency: <%= 2 * 4 %>\ndevelopment:\n  <<: *common\n  timeout: 3\n")
    expect(load.to_h).to include(concurrency: 8, timeout: 3)
  end

  it "read another file, which has to be there" do
    write("concurrency: 6", "other.yml")
    expect([load(file: "other.yml"), load(env: { "EVGEARMAN_CONFIG" => "other.yml" })].map { |each| each[:concurrency] }).to eq([6, 6])
    expect(complaint(file: "none.yml")).to eq("cannot read none.yml: No such file or directory")
  end

  it "take servers from GEARMAN_SERVERS, too" do
    expect(load(env: { "GEARMAN_SERVERS" => "a:1, b:2" })[:servers]).to eq(%w[a:1 b:2])
    expect(load(env: { "GEARMAN_SERVERS" => "a:1", "EVGEARMAN_SERVERS" => "b" }).connection).to eq(url: "b")
    expect(load({ servers: "a,b", tls: true }).connection).to eq(servers: %w[a b], tls: true)
  end

  it "are read as what they are" do
    write("queues: [urgent, low]\ntls: { ca_file: ca.pem, verify: false }\nprefetch: auto\nlog_format: :json\n")
    expect(load.to_h).to include(queues: %w[urgent low], tls: { ca_file: "ca.pem", verify: false }, prefetch: :auto, log_format: "json")
    expect(load({ tls: "ca_file=ca.pem,verify=no", timeout: "0.5", prefetch: "4" }).to_h)
      .to include(tls: { ca_file: "ca.pem", verify: false }, timeout: 0.5, prefetch: 4)
    expect(load({}, env: { "EVGEARMAN_TLS" => "true", "EVGEARMAN_QUEUES" => "a,b" }).to_h).to include(tls: true, queues: %w[a b])
  end

  it "refuse names that they do not know, in any section, with the nearest that they do" do
    unknown = "unknown setting concurency; did you mean concurrency?"
    expect(complaint({ concurency: 1 })).to eq("flags: #{unknown}")
    expect(complaint(file: write("concurency: 1"))).to eq("config/evgearman.yml: #{unknown}")
    expect(complaint(file: write("production:\n  concurency: 1"))).to eq("config/evgearman.yml, production: #{unknown}")
    expect(complaint(file: write("servrs:\n  verify: false"))).to eq("config/evgearman.yml: unknown setting servrs; did you mean servers?")
    expect(complaint(file: write("mongodb:\n  verify: false"))).to eq("config/evgearman.yml, mongodb: unknown setting verify")
  end

  it "refuse what cannot be, and say where it was said" do
    expect(complaint({ concurrency: "many" })).to eq('--concurrency: concurrency must be a whole number from 1, not "many"')
    expect(complaint({}, env: { "EVGEARMAN_TIMEOUT" => "-1" })).to eq('EVGEARMAN_TIMEOUT: timeout must be seconds from 0, not "-1"')
    expect(complaint(file: write("log_format: xml"))).to eq('config/evgearman.yml: log_format must be one of text, json, not "xml"')
    expect(complaint({ tls: "ca=1" })).to start_with("--tls: tls must be true, false, or of ca_file, ")
    expect(complaint(file: write("processes: 1.5"))).to end_with("must be a whole number from 0, not 1.5")
    expect(complaint(file: write("prefetch: -1"))).to end_with("must be a whole number from 0, or auto, not -1")
  end

  it "refuse a file that cannot be read" do
    expect(complaint(file: write("a: [1"))).to start_with("config/evgearman.yml: Psych::SyntaxError: did not find")
    expect(complaint(file: write("<%= nobody %>"))).to start_with("config/evgearman.yml: NameError: ")
    expect(complaint(file: write("- a"))).to eq("config/evgearman.yml: must be a table of settings")
    expect(complaint(file: write("production: 3"))).to eq("config/evgearman.yml, production: must be a table of settings, not 3")
    expect(load(file: write("production:\n"), environment: "production")[:processes]).to eq(1)
  end

  it "show names only" do
    expect(load({ servers: "secret" }).inspect).to eq("#<EVGearman::Settings development servers>")
    expect { load[:server] }.to raise_error(described_class::Error, "settings: unknown setting server; did you mean servers?")
  end
end
