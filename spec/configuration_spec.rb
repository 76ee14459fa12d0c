# frozen_string_literal: true

require "json"
require "logger"
require "stringio"

RSpec.describe EVGearman do
  # Each example begins as a process does, and leaves nothing behind.
  around do |example|
    before = described_class.instance_variable_get(:@configuration)
    described_class.instance_variable_set(:@configuration, described_class::Configuration.new.freeze)
    described_class.instance_variable_set(:@shared, nil)
    example.run
  ensure
    described_class.instance_variable_get(:@shared)&.last&.close(0)
    described_class.instance_variable_set(:@shared, nil)
    described_class.instance_variable_set(:@configuration, before)
  end

  def configure_for(server, **options)
    described_class.configure do |c|
      { url: server.url, loop: loop, on_error: ->(error) { errors << error }, **options }.each { |name, value| c.public_send(:"#{name}=", value) }
    end
  end

  describe ".configure" do
    it "says what the client is made with" do
      configure_for(fake_server, client_id: "me", command_timeout: 7, coder: JSON, encoding: "UTF-8", reconnect: false)
      expect(described_class.client).to have_attributes(client_id: "me", command_timeout: 7.0, coder: JSON, encoding: Encoding::UTF_8,
                                                        reconnect?: false, loop: loop)
    end

    it "knows every option of a client" do
      options = { url: "127.0.0.1:1", loop: loop, client_id: "x", coder: JSON, encoding: "UTF-8" }
      options.merge!(EVGearman::Client::DEFAULTS, EVGearman::Client::HOOKS.to_h { |hook| [hook, ->(*) {}] })
      described_class.configure { |c| options.each { |name, value| c.public_send(:"#{name}=", value) } }
      expect(described_class.configuration.to_h).to eq(options)
      expect(described_class.client.server).to eq("127.0.0.1:1")
    end

    it "takes an address in parts" do
      described_class.configure { |c| (c.host, c.port, c.loop = "localhost", 99, loop) }
      expect(described_class.client.server).to eq("localhost:99")
      described_class.configure { |c| (c.host, c.port, c.path = nil, nil, "/tmp/socket") }
      expect(described_class.client.path).to eq("/tmp/socket")
    end

    it "adds to what was said before" do
      described_class.configure { |c| c.client_id = "one" }
      described_class.configure { |c| c.heartbeat = 5 }
      expect(described_class.configuration).to have_attributes(client_id: "one", heartbeat: 5, command_timeout: 30, host: nil)
      expect(described_class.configuration).to be_frozen
    end

    it "refuses an option that does not exist, and changes nothing" do
      expect { described_class.configure { |c| (c.client_id = "x") && c.colour = "red" } }.to raise_error(NoMethodError, /colour/)
      expect(described_class.configuration.client_id).to be_nil
    end

    it "shows what was set, and no value" do
      described_class.configure { |c| c.url = "gearman://secret" }
      expect(described_class.configuration.inspect).to eq("#<EVGearman::Configuration url>")
    end

    it "leads to a new client, and closes the old one when it is idle" do
      configure_for(fake_server)
      old = keep(described_class.client)
      configure_for(fake_server, client_id: "new")
      expect(described_class.client).not_to equal(old)
      expect(described_class.client.client_id).to eq("new")
      expect(old).to be_closed
    end

    it "leaves the old one to who waits for something of it" do
      configure_for(fake_server(&:answer_echoes))
      old = keep(described_class.client)
      task = old.echo("x")
      configure_for(fake_server)
      expect(task.value).to eq("x")
      expect(old).not_to be_closed
    end

    it "finds what is wrong at once, and changes nothing" do
      [[:command_timeout, -1], [:url, "ftp://x"], [:port, 70_000], [:loop, 5], [:coder, 5], [:client_id, "a b"], [:on_error, 5],
       [:encoding, "nonsense"], [:max_packet, 0]].each do |name, value|
        expect { described_class.configure { |c| c.public_send(:"#{name}=", value) } }.to raise_error(/./) { |error|
          expect([ArgumentError, TypeError]).to include(error.class)
        }
        expect(described_class.configuration.to_h).to eq({})
      end
      expect { described_class.configure { |c| (c.url, c.host = "a", "b") } }.to raise_error(ArgumentError)
    end
  end

  describe ".client" do
    it "is one, whoever asks" do
      configure_for(fake_server)
      clients = Array.new(8) { Thread.new { Array.new(50) { described_class.client } } }.flat_map(&:value)
      expect(clients.uniq.size).to eq(1)
    end

    it "is one where a trap handler asks first" do
      output, = child(<<~RUBY, url: "127.0.0.1:1")
        trap("USR1") { $client = EVGearman.client }
        Process.kill("USR1", Process.pid)
        eventually { $client }
        puts $client.equal?(EVGearman.client)
      RUBY
      expect(output).to eq("true\n")
    end

    it "is made again when somebody closed it" do
      configure_for(fake_server)
      described_class.client.close
      expect(described_class.client).not_to be_closed
    end

    it "is another one in a forked child" do
      configure_for(shared_server)
      described_class.client.ping
      mine = described_class.client.object_id
      expect(forked { [described_class.client.object_id == mine, described_class.client.echo("child").value] }).to eq([false, "child"])
      expect(described_class.client.object_id).to eq(mine)
      expect(described_class.client.stats[:reconnects]).to eq(0)
    end

    it "goes where the environment says when nobody configured anything" do
      output, = child(<<~'RUBY', prelude: "require 'evgearman'; ENV['GEARMAN_SERVERS'] = 'jobs.example:99'\n")
        print EVGearman.client.server, " ", EVGearman.client.loop.equal?(EVGearman::Loop.default)
      RUBY
      expect(output).to eq("jobs.example:99 true")
    end
  end

  describe "requests of the module" do
    before { configure_for(shared_server) }

    it "are those of its client" do
      name = function
      worker_for(shared_server).register_function(name) { |job| job.workload.reverse }.work
      expect(described_class.call(name, "hello", priority: :high, timeout: 30)).to eq("olleh")
      expect(described_class.enqueue(name, "hello", priority: :low)).to be_a(String)
      expect(described_class.enqueue(name, "hello", in: 0.1)).to be_a(String)
      expect { described_class.call(name, colour: 1) }.to raise_error(ArgumentError)
    end
  end

  describe "a logger" do
    let(:log) { StringIO.new }

    before { described_class.configure { |c| c.logger = Logger.new(log) } }

    it "is told of connections that fail, once per cause" do
      server = fake_server.tap(&:close)
      client = keep(EVGearman::Client.new(url: server.url, loop: loop, reconnect_delay: 0.01, reconnect_max_delay: 0.01))
      client.connect
      eventually { log.string.include?("connect failed") }
      loop.run(0.1)
      expect(log.string.scan("evgearman: connect failed: Connection refused (#{server.url})").size).to eq(1)
      expect(log.string).to match(/WARN/)
    end

    it "is told of blocks that raise" do
      loop.post { raise "oh" }
      eventually { log.string.include?("evgearman: post raised RuntimeError: oh") }
      expect(log.string).to match(/ERROR/)
    end

    it "is told of jobs whose time was up, once for all of a function" do
      server = fake_server do |peer|
        2.times { |n| peer.skip_to(:grab_job_uniq) && peer.send(:job_assign_uniq, "H:#{n}", "f", "", "x") }
      end
      worker = keep(EVGearman::Worker.new(url: server.url, loop: loop))
      worker.register_function("f", async: true, timeout: 0.05) { nil }.work
      eventually { server.commands.count(:work_exception) == 2 }
      loop.run(0.05)
      expect(log.string.scan(/job f .* raised EVGearman::JobTimeoutError.*, of f H:\d \(/).size).to eq(1)
    end

    it "may itself fail" do
      broken = Logger.new(log)
      def broken.error(*) = raise(IOError, "disk full")
      described_class.configure { |c| c.logger = broken }
      loop.post { raise "oh" }
      expect { loop.run(0.05) }.to output(/post raised RuntimeError: oh .*; the logger raised IOError/).to_stderr
    end

    it "is stderr where there is none" do
      described_class.configure { |c| c.logger = nil }
      loop.post { raise "oh" }
      expect { loop.run(0.05) }.to output(/evgearman: post raised RuntimeError: oh/).to_stderr
    end

    it "has to be one" do
      expect { described_class.configure { |c| c.logger = Object.new } }.to raise_error(ArgumentError, /logger must answer/)
    end
  end
end
