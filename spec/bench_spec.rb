# frozen_string_literal: true

require "rbconfig"

RSpec.describe "bench/run.rb", :gearmand do
  # How fast is for people to look at; that it still measures is for us.
  it "measures every operation beside the floor" do
    require_tool(RbConfig::CONFIG["CC"].split.first)
    output, status = script("bench/run.rb", "--smoke")
    expect(status).to be_success, output
    expect(output).to include("foreground", "background", "echo", "call", "prefetch 0", "prefetch 16", "prefetch :auto",
                              "16 threads", "1,000 functions", "16 MiB", "expiry", "pending_count")
  end

  it "measures against a server of one's choice, and leaves nothing there" do
    require_tool(RbConfig::CONFIG["CC"].split.first)
    server = own_gearmand
    output, status = script("bench/run.rb", "--server", server.url, "--smoke", "--only", "background")
    expect(status).to be_success, output
    expect(output).to match(/^\| background.* [1-9][\d,]+ /)
    expect(server.ask("status")).to be_empty
  end

  it "measures the job server beside gearmand" do
    require_tool(RbConfig::CONFIG["CC"].split.first)
    output, status = script("bench/server.rb", "--smoke")
    expect(status).to be_success, output
    expect(output.lines.grep(/^\| (echo|background|foreground|the same)/).size).to eq(5)
  end

  it "measures TLS beside raw TLS, and beside the same in the clear" do
    require_tool(RbConfig::CONFIG["CC"].split.first)
    output, status = script("bench/tls.rb", "--smoke")
    expect(status).to be_success, output
    expect(output.lines.grep(/^\| (echo|foreground)/).size).to eq(2)
  end

  it "measures three servers beside one" do
    require_tool(RbConfig::CONFIG["CC"].split.first)
    output, status = script("bench/several.rb", "--smoke")
    expect(status).to be_success, output
    expect(output).to match(/^\| foreground jobs at 3 servers.* [1-9]/)
  end

  it "counts instructions" do
    skip "a sanitizer is loaded" if Requirements.sanitized? # it and valgrind do not mix
    skip "valgrind is not installed" unless Requirements.find("valgrind") # nor does bin/setup: people measure, not CI
    skip "something else is preloaded" if ENV["LD_PRELOAD"]
    output, status = script("bench/instructions.rb", "--ops", "300", "--only", "echo")
    expect(status).to be_success, output
    expect(output).to match(/^echo.* [1-9]\d+$/)
  end
end
