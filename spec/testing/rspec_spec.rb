# frozen_string_literal: true

require "evgearman/rspec"
require "json"

RSpec.describe EVGearman::Testing::Matchers, :faked do
  before { testing.fake! }

  def failure(&block)
    block.call
    nil
  rescue RSpec::Expectations::ExpectationNotMetError => e
    e.message
  end

  describe "submit_gearman_job" do
    it "is met by a job of that function" do
      expect { client.enqueue("mail") }.to submit_gearman_job("mail")
      expect { client.enqueue("mail") }.to submit_gearman_job
      expect { client.enqueue("mail") }.to submit_gearman_job(/\Amail/)
      expect { client.enqueue("page") }.not_to submit_gearman_job("mail")
      expect { nil }.not_to submit_gearman_job
    end

    it "does not see what was submitted before" do
      client.enqueue("mail")
      expect { nil }.not_to submit_gearman_job("mail")
    end

    it "sees whatever came of it" do
      testing.inline!
      testing.register("reverse") { |job| job.workload.reverse }
      expect { client.call("reverse", "abc") }.to submit_gearman_job("reverse").with("abc").in_foreground
      expect { Thread.new { client.enqueue("strange") }.join }.to submit_gearman_job("strange").in_background
      expect { testing.fake! { client.submit_job("f").wait } }.to submit_gearman_job("f")
    end

    it "looks at the workload" do
      expect { client.enqueue("mail", "é") }.to submit_gearman_job.with("é").and(submit_gearman_job.with("é".b))
      expect { client.enqueue("mail", "to you") }.to submit_gearman_job.with(a_string_including("you"))
      expect { client.enqueue("mail", "to you") }.to submit_gearman_job.with(/you/)
      expect { client.enqueue("mail", "to you") }.not_to submit_gearman_job.with("to me")
      expect { client.enqueue("mail") }.to submit_gearman_job.with("")
    end

    it "looks at what a coder makes of the workload" do
      submit = -> { client.enqueue("mail", { to: "you", cc: [1, 2] }, coder: JSON) }
      expect(&submit).to submit_gearman_job.with({ to: "you", cc: [1, 2] })
      expect(&submit).to submit_gearman_job.with({ "cc" => [1, 2], "to" => "you" })
      expect(&submit).to submit_gearman_job.with(a_hash_including("to" => /y/))
      expect(&submit).to submit_gearman_job.with('{"to":"you","cc":[1,2]}')
      expect(&submit).not_to submit_gearman_job.with({ to: "you" })
      expect(&submit).not_to submit_gearman_job.with(nil)
      jobs = [["mail", [1], { coder: JSON }], ["mail", "[2]"]]
      expect { client.submit_jobs_bg(jobs) }.to submit_gearman_job.with([1]).once.and(submit_gearman_job.with([2]).exactly(0).times)
    end

    it "looks at the time" do
      expect { client.enqueue("mail", at: 1000.5) }.to submit_gearman_job.at(1000.5).and(submit_gearman_job.at(Time.at(1001)))
      expect { client.enqueue("mail", in: 60) }.to submit_gearman_job.at(be_within(5).of(Time.now + 60))
      expect { client.enqueue("mail", at: 1000) }.not_to submit_gearman_job.at(1001)
      expect { client.enqueue("mail", at: 1000) }.not_to submit_gearman_job.at(nil)
      expect { client.enqueue("mail") }.to submit_gearman_job.at(nil)
      expect { client.enqueue("mail") }.not_to submit_gearman_job.at(be_a(Time))
    end

    it "looks at the key and the priority" do
      expect { client.enqueue("mail", unique: "key", priority: :high) }
        .to submit_gearman_job.with_key("key").with_priority(:high).and(submit_gearman_job.with_key(/k/))
      expect { client.enqueue("mail", unique: nil) }.to submit_gearman_job.with_key(nil).with_priority(:normal)
      expect { client.enqueue("mail", unique: "key") }.not_to submit_gearman_job.with_key("other")
      expect { client.enqueue("mail") }.not_to submit_gearman_job.with_priority(:low)
    end

    it "counts" do
      submit = -> { 2.times { client.enqueue("mail") } }
      expect(&submit).to submit_gearman_job("mail").exactly(2).times.and(submit_gearman_job.twice)
      expect(&submit).to submit_gearman_job("mail").at_least(1).time.and(submit_gearman_job.at_most(2).times)
      expect(&submit).to submit_gearman_job("page").exactly(0).times.and(submit_gearman_job("page").at_most(1).time)
      [submit_gearman_job.once, submit_gearman_job.at_least(3).times, submit_gearman_job.at_most(1).time].each do |matcher|
        expect(&submit).not_to matcher
      end
      expect { submit_gearman_job.exactly(-1) }.to raise_error(ArgumentError, /whole number/)
      expect { submit_gearman_job.at_least("two") }.to raise_error(ArgumentError, /whole number/)
    end

    it "counts each submission, also of one that joins another" do
      expect { 2.times { client.enqueue("mail", unique: "key") } }.to submit_gearman_job("mail").twice
      expect(testing.jobs.size).to eq(1)
    end

    it "says what it wants and what it saw" do
      wanted = submit_gearman_job("mail").with("to you").in_background.at(nil).with_key("k").with_priority(:low).exactly(2).times
      words = 'submit a gearman job "mail" with "to you" in background at once with key "k" with low priority exactly twice'
      expect(wanted.description).to eq(words)
      text = failure do
        expect do
          client.enqueue("mail", "to you", unique: "k", priority: :low)
          client.enqueue("mail", "to me", unique: nil, at: Time.at(1000))
        end.to(wanted)
      end
      expect(text.lines.map(&:chomp)).to match(
        ["expected the block to #{words}, but 1 of 2 submitted is that:",
         /\A  \+ "mail" with "to you" \(background, low, key "k"\) F:\d+\z/,
         /\A  - "mail" with "to me" \(background, at 1970-.*\) F:\d+\z/]
      )
    end

    it "says so when there was nothing, and when nothing could be seen" do
      expect(failure { expect { nil }.to submit_gearman_job("mail") })
        .to eq('expected the block to submit a gearman job "mail", but nothing was submitted')
      testing.disable!
      expect(failure { expect { nil }.to submit_gearman_job(/m/).with(a_string_including("x")) })
        .to eq('expected the block to submit a gearman job /m/ with a string including "x", but nothing was submitted: ' \
               "EVGearman::Testing is off, call fake! or inline!")
    end

    it "says when there should have been none" do
      expect(failure { expect { client.enqueue("mail", "a", unique: nil) }.not_to submit_gearman_job("mail").in_background })
        .to match(/\Aexpected the block not to submit a gearman job "mail" in background, but 1 of 1 submitted is that:\n  \+ "mail"/)
    end
  end

  describe "have_submitted_gearman_job" do
    it "is about all that was submitted, by anybody" do
      client.enqueue("mail", "a")
      EVGearman.enqueue("mail", "b")
      expect(testing).to have_submitted_gearman_job("mail").exactly(2).times
      expect(testing).to have_submitted_gearman_job("mail").with("b").in_background
      expect(testing).not_to have_submitted_gearman_job("page")
    end

    it "is about what one client submitted" do
      client.enqueue("mail", "a")
      EVGearman.enqueue("page")
      expect(client).to have_submitted_gearman_job("mail")
      expect(client).not_to have_submitted_gearman_job("page")
      expect(EVGearman.client).to have_submitted_gearman_job("page")
    end

    it "says what it wants and what it saw" do
      expect(have_submitted_gearman_job("mail").once.description).to eq('have submitted a gearman job "mail" exactly once')
      expect(failure { expect(client).to have_submitted_gearman_job("mail") })
        .to eq('expected the client to have submitted a gearman job "mail", but nothing was submitted')
      client.enqueue("mail")
      expect(failure { expect(testing).not_to have_submitted_gearman_job("mail") })
        .to start_with('expected the program not to have submitted a gearman job "mail", but 1 of 1 submitted is that:')
    end

    it "is no matcher of blocks" do
      expect(failure { expect { nil }.to have_submitted_gearman_job("mail") }).to include("rather than a block")
    end
  end

  describe "each example" do
    2.times do |n|
      it "begins with nothing submitted (#{n})" do
        expect(testing.submissions).to be_empty
        client.enqueue("mail")
      end
    end
  end
end
