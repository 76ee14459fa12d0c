# frozen_string_literal: true

require "net/http"

RSpec.describe "The probe of evgearman work" do
  let(:server) { own_server }
  let(:client) { client_for(server) }

  def get(work, path)
    port = wait_for(work) { work.logged("probe").first }.fetch("port")
    Net::HTTP.get_response("127.0.0.1", path, port)
  end

  def number(text, name) = text[/^#{Regexp.escape(name)} (\S+)$/, 1]&.to_f

  it "tells whether it lives, has started, and is connected" do
    work = workforce("-p", "2", "--probe-port", "0")
    wait_for(work) { get(work, "/status/connected").code == "200" }
    expect(get(work, "/status/started").code).to eq("200")
    status = JSON.parse(get(work, "/status").body)
    expect(status).to match("status" => "ok", "processes" => all(include("ready" => true, "connected" => true, "busy" => 0)))
    expect(status["processes"].map { |row| [row["number"], row["pid"]] }).to match_array([1, 2].zip(work.workers))
    expect(get(work, "/status/other").code).to eq("404")
    server.stop
    wait_for(work) { get(work, "/status/connected").code == "503" }
    expect(%w[/status /status/started].map { |path| get(work, path).code }).to eq(%w[200 200])
  end

  it "tells that it has not started" do
    Dir.mktmpdir do |dir|
      code = File.join(dir, "code.rb")
      File.write(code, %(sleep(0.01) until File.exist?("#{dir}/go")\nEVGearman::Runtime.register("f") { "" }))
      work = workforce("--probe-port", "0", handlers: code, wait: false)
      expect(%w[/status /status/started /status/connected].map { |path| get(work, path).code }).to eq(%w[200 503 503])
      File.write("#{dir}/go", "")
      wait_for(work) { get(work, "/status/connected").code == "200" }
    end
  end

  it "has numbers for Prometheus, of all processes together, and of those that are gone" do
    work = workforce("-p", "2", "--probe-port", "0")
    client.map("reverse", %w[a b c d e])
    2.times { expect { client.call("raise", "x", timeout: 30) }.to raise_error(EVGearman::JobExceptionError) }
    text = nil
    told = lambda do |name, value|
      wait_for(work) { number(text = get(work, "/metrics").body, name) == value }
    end
    told[%(evgearman_jobs_total{function="reverse",outcome="done"}), 5]
    told[%(evgearman_jobs_total{function="raise",outcome="failed"}), 2]
    told[%(evgearman_job_duration_seconds_count{function="reverse"}), 5]
    told[%(evgearman_job_duration_seconds_bucket{function="reverse",le="300"}), 5]
    told["evgearman_processes", 2]
    expect(number(text, %(evgearman_process_resident_bytes{process="1"}))).to be > 1_000_000
    work.workers.each { |pid| work.signal("KILL", pid) }
    told["evgearman_process_deaths_total", 2]
    told[%(evgearman_jobs_total{function="reverse",outcome="done"}), 5]
    client.map("reverse", %w[f g])
    work.signal("HUP")
    told[%(evgearman_jobs_total{function="reverse",outcome="done"}), 7]
    expect(get(work, "/metrics")["content-type"]).to start_with("text/plain; version=0.0.4")
  end

  it "is there without a supervisor, too" do
    work = workforce("-p", "0", "--probe-port", "0", wait: false)
    client.call("reverse", "abc", timeout: 30)
    wait_for(work) { number(get(work, "/metrics").body, %(evgearman_jobs_total{function="reverse",outcome="done"})) == 1 }
    expect(get(work, "/status/started").code).to eq("200")
  end

  it "says which gem is missing, and which port is taken" do
    { "webrick" => nil, "prometheus-client" => "/metrics" }.each do |gem, path|
      hidden = File.expand_path("files/hide_#{gem.tr("-", "_")}", __dir__)
      work = workforce("--probe-port", "0", wait: false, env: { "RUBYOPT" => "-r#{hidden}" })
      said = path ? get(work, path).body : ended(work).then { work.log.last["message"] }
      expect(said.chomp).to eq(%(--probe-port needs the gem #{gem}: gem "#{gem}" belongs into the Gemfile))
    end
    work = workforce("--probe-port", server.port.to_s, wait: false)
    expect([ended(work), work.log.last["message"]]).to match([1, /\Acannot listen on 127.0.0.1:#{server.port} for the probe: Address already/])
  end
end
