# frozen_string_literal: true

require "bundler"
require "tmpdir"

# The code of the README's section about tests, as it stands there.
RSpec.describe "Testing your app (README)" do
  section = File.read(File.join(__dir__, "../../README.md"))[/^## Testing your app\n(.*?)^## /m, 1]
  program, spec, test = section.scan(/^```ruby\n(.*?)^```$/m).flatten

  order = <<~RUBY
    require "evgearman"
    class Order
      def ship
        EVGearman.enqueue("mail", "thank you")
        EVGearman.enqueue("mail", "satisfied?", in: 86_400) if self.class.reminds?
      end

      def self.reminds? = defined?(RSpec)
    end
  RUBY

  it "is a program that answers what it says" do
    lines = program.lines.map do |line|
      code, answer = line.chomp.split(/ +# => /, 2)
      answer ? "answer = (#{code}); abort %(\#{answer.inspect}) unless answer == (#{answer})" : line.chomp
    end
    text, status = run_ruby("-w", "-e", lines.join("\n"))
    expect([program.scan("# => ").size, text, status.exitstatus]).to eq([4, "", 0])
  end

  it "is a spec that passes" do
    text, status = run_ruby("-S", "rspec", "--options", File::NULL, spec_file(order + spec))
    expect([text[/\d+ examples?, \d+ failures?/], status.success?]).to eq(["2 examples, 0 failures", true])
  end

  it "is a test that passes" do
    script = "require 'minitest/autorun'\n#{order}#{test}"
    env = { "RUBYOPT" => nil, "MT_NO_PLUGINS" => "1" }
    text, status = Bundler.with_unbundled_env { run_ruby("-e", script, env: env) }
    missing("minitest") if text.include?("cannot load such file -- minitest")
    expect([text[/\d+ runs, .* failures, \d+ errors/], status.success?]).to eq(["1 runs, 2 assertions, 0 failures, 0 errors", true])
  end

  def spec_file(code)
    @dir = Dir.mktmpdir
    File.join(@dir, "order_spec.rb").tap { |path| File.write(path, code) }
  end

  after { FileUtils.rm_rf(@dir) if @dir }
end
