# frozen_string_literal: true

require "pathname"
require "uri"

RSpec.describe "The address of a server" do
  def client(**options) = keep(EVGearman::Client.new(loop: loop, **options))
  def parts(**options) = client(**options).then { |made| [made.host, made.port, made.path] }

  around do |example|
    before = ENV.fetch("GEARMAN_SERVERS", nil)
    ENV.delete("GEARMAN_SERVERS")
    example.run
  ensure
    ENV["GEARMAN_SERVERS"] = before
  end

  it "is the usual one when nobody says" do
    expect(parts).to eq(["127.0.0.1", 4730, nil])
  end

  it "is the first of GEARMAN_SERVERS when nobody says" do
    ENV["GEARMAN_SERVERS"] = " one:1111 , two:2222"
    expect(parts).to eq(["one", 1111, nil])
    expect(parts(port: 5)).to eq(["127.0.0.1", 5, nil])
    expect(parts(host: "here")).to eq(["here", 4730, nil])
  end

  # Fails when what is empty is the first: the usual address then is asked, whoever is named behind it.
  it "is the first of GEARMAN_SERVERS that is one" do
    ENV["GEARMAN_SERVERS"] = " ,two:2222"
    expect(parts).to eq(["two", 2222, nil])
  end

  it "is the usual one when GEARMAN_SERVERS is empty" do
    ENV["GEARMAN_SERVERS"] = " , "
    expect(parts).to eq(["127.0.0.1", 4730, nil])
    ENV["GEARMAN_SERVERS"] = ""
    expect(parts).to eq(["127.0.0.1", 4730, nil])
  end

  {
    "gearman://example.com:1234" => ["example.com", 1234, nil],
    "gearman://example.com" => ["example.com", 4730, nil],
    "example.com:1234" => ["example.com", 1234, nil],
    "example.com" => ["example.com", 4730, nil],
    "[::1]:1234" => ["::1", 1234, nil],
    "[::1]" => ["::1", 4730, nil],
    "gearman://[::1]:1234" => ["::1", 1234, nil],
    "10.0.0.1:65535" => ["10.0.0.1", 65_535, nil],
    "gearman://example.com:1234/" => ["example.com", 1234, nil],
    "gearman://example.com/" => ["example.com", 4730, nil],
    "[::1]:1234/" => ["::1", 1234, nil],
    "GEARMAN://example.com" => ["example.com", 4730, nil],
    "gearmans://example.com:1234" => ["example.com", 1234, nil],
    "gearmans://[::1]" => ["::1", 4730, nil],
    "Unix:///run/gearman.sock" => [nil, nil, "/run/gearman.sock"],
    "unix:///run/gearman.sock" => [nil, nil, "/run/gearman.sock"]
  }.each do |url, parts|
    it "may be written #{url}" do
      expect(parts(url: url)).to eq(parts)
    end
  end

  it "may be a URI" do
    expect(parts(url: URI("gearman://example.com:1234/"))).to eq(["example.com", 1234, nil])
    expect(parts(url: URI("unix:///run/gearman.sock"))).to eq([nil, nil, "/run/gearman.sock"])
  end

  it "is checked by `connect`, too" do
    made = client(port: 1)
    expect { made.connect("h:4730") }.to raise_error(ArgumentError, /url:/)
    expect { made.connect("h", "x") }.to raise_error(ArgumentError)
    expect(made.connect("127.0.0.1", "2").server).to eq("127.0.0.1:2")
  end

  it "may be given in parts" do
    expect(parts(host: "example.com", port: 1)).to eq(["example.com", 1, nil])
    expect(parts(port: "4730")).to eq(["127.0.0.1", 4730, nil]) # as it stands in the environment
    expect(parts(path: "/run/gearman.sock")).to eq([nil, nil, "/run/gearman.sock"])
    expect(parts(path: Pathname("/run/gearman.sock"))).to eq([nil, nil, "/run/gearman.sock"])
  end

  it "is shown by server" do
    expect(client(host: "::1", port: 1).server).to eq("[::1]:1")
    expect(client(host: "example.com", port: 1).server).to eq("example.com:1")
    expect(client(path: "/run/gearman.sock").server).to eq("/run/gearman.sock")
  end

  [
    "", ":", ":4730", "host:", "host:x", "host:65536", "host:0", "host:-1", "host:123456", "::1:4730", "[::1", "a b:1",
    "host:1/path", "host:1//", "unix://run/gearman.sock", "host:1\n", "a\0b:1", "#{"h" * 300}:1", "gearman://", "unix://", "unix:///#{"p" * 108}",
    "http://example.com", "tls://example.com", "gearmans://", "gearmans://host:x"
  ].each do |url|
    it "cannot be #{url[0, 30].inspect}" do
      expect { client(url: url) }.to raise_error(ArgumentError)
    end
  end

  {
    "url and host" => { url: "a:1", host: "b" }, "url and port" => { url: "a:1", port: 2 },
    "url and path" => { url: "a:1", path: "/x" }, "host and path" => { host: "a", path: "/x" },
    "port and path" => { port: 1, path: "/x" }, "a path too long" => { path: "/#{"p" * 108}" },
    "an empty path" => { path: "" },
    "an empty host" => { host: "" }, "a host with a NUL" => { host: "a\0b" }, "a path with a NUL" => { path: "/a\0b" },
    "a host with its port" => { host: "h:4730" }, "a host in brackets" => { host: "[::1]" },
    "a host with a path" => { host: "h/x" }, "a port that is no number" => { port: "x" }, "a port of the environment" => { port: "" },
    "port 0" => { port: 0 }, "port -1" => { port: -1 }, "port 65536" => { port: 65_536 }
  }.each do |what, options|
    it "cannot be #{what}" do
      expect { client(**options) }.to raise_error(ArgumentError)
    end
  end

  [:symbol, 1, Object.new].each do |thing|
    it "cannot be a #{thing.class}" do
      expect { client(host: thing) }.to raise_error(TypeError)
      expect { client(path: thing) }.to raise_error(TypeError)
      expect { client(url: thing) }.to raise_error(TypeError)
    end
  end

  [4730.5, :gearman].each do |port|
    it "has no port #{port.inspect}" do
      expect { client(port: port) }.to raise_error(TypeError)
    end
  end

  it "has a reader of the environment that says what is wrong" do
    ENV["GEARMAN_SERVERS"] = "http://x"
    expect { client }.to raise_error(ArgumentError, /scheme/)
  end
end
