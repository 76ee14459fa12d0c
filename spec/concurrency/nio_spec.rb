# frozen_string_literal: true

# nio4r exports a patched libev under libev's own names: whoever comes second must not get the other's.
RSpec.describe "Beside nio4r, in one process" do
  include Children

  before { skip "a sanitized build shares the libev of the process" if Requirements.sanitized? }

  SCRIPT = <<~'RUBY'
    client = EVGearman::Client.new(url: ARGV.fetch(0), loop: EVGearman::Loop.new)
    reader, writer = IO.pipe
    selector = NIO::Selector.new
    selector.register(reader, :r)
    ticks = 0
    Thread.new { loop { sleep 0.01; ticks += 1 } }
    selecting = Thread.new { selector.select(30)&.size }
    echoes = Array.new(4) { |n| Thread.new { Array.new(200) { |i| client.echo("#{n}-#{i}").value(30) }.last } }.map(&:value)
    before = ticks
    client.submit_job("nobody-does-this", "", timeout: 0.3).wait
    writer << "x"
    puts({ echoes: echoes, selected: selecting.join(30)&.value, others_went_on: ticks > before }.inspect)
    Thread.new { sleep }
    selector.select(30) if ARGV[1] == "select"
    client.loop.run
  RUBY

  # Fails when libev is linked, or loaded without RTLD_DEEPBIND: the process hangs, starves or aborts.
  ["nio,evgearman", "evgearman,nio"].each do |order|
    it "works when loaded as #{order}, and SIGTERM ends it" do
      prelude = order.split(",").map { |library| "require #{library.dump}\n" }.join + "$stdout.sync = true\n"
      text, status = run_ruby("-e", prelude + SCRIPT, shared_server.url) { |pid| Process.kill(:TERM, pid) }
      expect(text).to include('echoes: ["0-199", "1-199", "2-199", "3-199"]').or include(':echoes=>["0-199", "1-199", "2-199", "3-199"]')
      expect(text).to match(/selected(=>|: )1/).and match(/others_went_on(=>|: )true/)
      expect(status.termsig).to eq(Signal.list["TERM"])
    end
  end
end
