# frozen_string_literal: true

require "bundler"

# Ruby brings Minitest along; a bundle without it would hide it.
RSpec.describe "evgearman/minitest" do
  # Runs a test file: [what it printed, did it pass?]
  def minitest(tests)
    script = <<~RUBY + tests.gsub(/^(?=.)/, "  ") + "end"
      require "minitest/autorun"
      require "evgearman/minitest"
      require "json"

      class SomeTest < Minitest::Test
        def setup = EVGearman::Testing.fake!
        def enqueue(...) = EVGearman.enqueue(...)

    RUBY
    text, status = Bundler.with_unbundled_env { run_ruby("-w", "-e", script, env: { "MT_NO_PLUGINS" => "1" }) }
    missing("minitest") if text.include?("cannot load such file -- minitest")
    [text, status.success?]
  end

  it "has assertions about blocks and about the past" do
    text, passed = minitest(<<~RUBY)
      def test_blocks
        assert_gearman_job_submitted("mail") { enqueue("mail") }
        assert_gearman_job_submitted { enqueue("mail") }
        assert_gearman_job_submitted(/ma/, with: /you/, background: true, at: nil, key: "k", priority: :high, times: 2) do
          2.times { enqueue("mail", "to you", unique: "k", priority: :high) }
        end
        assert_gearman_job_submitted("mail", with: { to: "you" }, at: 1000) { enqueue("mail", { to: "you" }, at: 1000, coder: JSON) }
        assert_gearman_job_submitted("page", times: 0) { enqueue("mail") }
        assert_gearman_job_submitted("page", background: false) { EVGearman.client.submit_job("page").wait }
        refute_gearman_job_submitted("mail") { nil }
        refute_gearman_job_submitted("mail", with: "to me") { enqueue("mail", "to you") }
      end

      def test_past
        enqueue("mail", "a")
        assert_gearman_job_submitted("mail", with: "a", times: 1)
        refute_gearman_job_submitted("page")
      end

      def test_past_again
        assert_empty EVGearman::Testing.submissions
        enqueue("mail")
      end
    RUBY
    expect([text, passed]).to match([/3 runs, 12 assertions, 0 failures, 0 errors/, true])
    expect(text).not_to include("warning")
  end

  it "says what was wanted and what was seen" do
    text, passed = minitest(<<~RUBY)
      def test_a = assert_gearman_job_submitted("mail", with: "a", times: 2) { enqueue("mail", "a", unique: nil) }
      def test_b = refute_gearman_job_submitted("mail") { enqueue("mail", "a", unique: nil) }
      def test_c = assert_gearman_job_submitted("mail")
      def test_d = assert_gearman_job_submitted("mail", wrong: 1)
    RUBY
    expect(passed).to be(false)
    expect(text).to include('Expected a gearman job "mail" with "a" exactly twice to be submitted, but 1 of 1 submitted is that:',
                            'Expected a gearman job "mail" not to be submitted, but 1 of 1 submitted is that:',
                            '+ "mail" with "a" (background) F:',
                            'Expected a gearman job "mail" to be submitted, but nothing was submitted',
                            "ArgumentError: unknown criterion: wrong")
  end
end
