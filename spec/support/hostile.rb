# frozen_string_literal: true

# Beside those who mean a `server` no good: a client and a worker who behave, and are asked, meanwhile and afterwards,
# whether they noticed. Whoever was hostile leaves nothing behind.
RSpec.shared_context "with those who behave" do
  let(:manners) { {} } # their options; to be said behind `include_context`
  let(:client) { client_for(server, **manners) }
  let(:safe) { "reverse" } # what they ask for; nobody hostile knows it
  let(:stats) { -> { server.server.stats } }

  before do
    skip "needs Linux" unless File.directory?("/proc/self/task")
    worker_for(server, **manners).register_function(safe) { |job| job.workload.reverse }.work
    unharmed
    @before = resources
  end

  # Everyone hostile has gone by now: so has what the server kept for them.
  after do
    next unless @before

    @wires&.each(&:close)
    unharmed
    eventually { resources.zip(@before).all? { |now, before| now <= before } }
    expect(server.running?).to be(true)
  end

  # Connections, threads and descriptors of the process.
  def resources = [stats.call[:connections], *%w[task fd].map { |kind| Dir.children("/proc/self/#{kind}").size }]

  # Right answers to those who behave, and the server's owner gets his, too.
  def unharmed
    word = "word #{@words = (@words || 0) + 1}"
    expect(client.call(safe, word, timeout: Examples::PATIENCE)).to eq(word.reverse)
    expect(client.echo(word).value(Examples::PATIENCE)).to eq(word)
    expect(server.server.jobs.map(&:function)).not_to include(safe)
    expect(stats.call).to include(connections: be >= 2, workers: be >= 1)
  end

  # Of somebody who will be closed at the end.
  def connect = TCPSocket.new(server.host, server.port).tap { |socket| (@wires ||= []) << socket }
end
