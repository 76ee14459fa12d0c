# frozen_string_literal: true

# Which server it is. Some in Java and Go know no text lines: they pass over them, say them back, answer by an ERROR packet, or
# hang up.
RSpec.describe "A server that knows no text" do
  # What is left is answered as gearmand would.
  def packets(peer)
    while (packet = peer.next)
      case packet
      in [:text, line] then yield peer, line
      in [:option_req, name] then peer.send(:option_res, name)
      in [:echo_req, bytes] then peer.send(:echo_res, bytes)
      in [:submit_job, *] then peer.send(:job_created, "H:1") && peer.send(:work_complete, "H:1", "done")
      in [:grab_job_uniq] then peer.send(*(@jobs.shift || [:no_job]))
      else nil
      end
    end
  end

  before { @jobs = [[:job_assign_uniq, "H:2", "f", "", "work"]] }

  { "passes over it" => proc {}, "says it back" => proc { |peer, line| peer.write("#{line}\n") },
    "answers by an ERROR packet" => proc { |peer, _| peer.send(:error, "BAD", "unknown") } }.each do |what, answer|
    it "and #{what} serves clients and workers" do
      server = fake_server(prologue: false) { |peer| packets(peer, &answer) }
      client = client_for(server)
      expect(client.call("f", "x", timeout: Examples::PATIENCE)).to eq("done")
      expect(client.dialect).to eq(:gearmand)
      worker_for(server).register_function("f", &:workload).work
      eventually { server.received.include?([:work_complete, "H:2", "work"]) }
      expect([server.peers.size, errors]).to eq([2, []])
    end
  end

  it "and passes over options, too, serves clients and workers" do
    server = fake_server(prologue: false) do |peer|
      peer.define_singleton_method(:send) { |name, *args| super(name, *args) unless name == :option_res }
      packets(peer) { nil }
    end
    expect(client_for(server).call("f", "x", timeout: Examples::PATIENCE)).to eq("done")
    worker_for(server).register_function("f", &:workload).work
    eventually { server.received.include?([:work_complete, "H:2", "work"]) }
  end

  it "and hangs up on it is not asked again" do
    server = fake_server(prologue: false) { |peer| packets(peer) { peer.close } }
    client = client_for(server, reconnect_delay: 0.001)
    client.connect
    eventually { client.dialect == :gearmand }
    expect(client.call("f", "x", timeout: Examples::PATIENCE)).to eq("done")
    client.disconnect
    expect(client.call("f", "x", timeout: Examples::PATIENCE)).to eq("done")
    expect(server.received.count { |name, _| name == :text }).to eq(1)
  end
end

RSpec.describe "The dialect" do
  it "may be said outright: nobody is asked then" do
    server = fake_server { |peer| peer.send(:echo_res, *peer.expect(:echo_req)) }
    client = client_for(server, dialect: :perl, exceptions: false)
    expect(client.dialect).to eq(:perl)
    expect(client.echo("x").value(Examples::PATIENCE)).to eq("x")
    expect([client.dialect, server.commands]).to eq([:perl, [:echo_req]])
    expect(client_for(server, dialect: :gearmand).dialect).to eq(:gearmand)
    expect(client_for(server, dialect: nil).dialect).to eq(:unknown)
  end

  it "is :gearmand, :perl or nil" do
    [:other, "perl", 1].each do |dialect|
      expect { EVGearman::Client.new(dialect: dialect, loop: loop) }.to raise_error(ArgumentError, /dialect must be/)
    end
  end
end
