# frozen_string_literal: true

RSpec.describe "evgearman work, of a Rails application" do
  let(:server) { own_server }
  let(:folder) { File.expand_path("../rails/shop", __dir__) }

  around do |example|
    Dir.mktmpdir do |notes|
      @notes = notes
      example.run
    end
  end

  def noted(name) = File.exist?("#{@notes}/#{name}") && JSON.parse(File.read("#{@notes}/#{name}"))

  # The workers, and a process of the application that queues jobs.
  def shop(*flags)
    env = { "SHOP_NOTES" => @notes, "RAILS_ENV" => "production" }
    work = workforce(*flags, handlers: folder, env: env)
    shop = Shop.new(ruby, server.url, SHOP_NOTES: @notes)
    yield work, shop
  ensure
    shop&.stop
  end

  [["-p", "2"], ["-p", "2", "--preload"]].each do |flags|
    it "performs its jobs, in processes that it forks (#{flags.join(" ")})" do
      shop(*flags) do |work, shop|
        shop.ask(%(3.times { |n| NoteJob.perform_later("note \#{n}") }))
        wait_for(work) { Array.new(3) { |n| noted("note #{n}") }.all? }
        expect(Array.new(3) { |n| noted("note #{n}")["pid"] } - work.workers).to be_empty
        expect(noted("note 0")).to include("stopping" => false, "executions" => 1)
      end
    end
  end

  it "performs delayed ones, and those of the queues that it is told" do
    shop("-q", "urgent,low") do |work, shop|
      shop.ask(%(NoteJob.set(queue: "low", wait: 1).perform_later("later")))
      shop.ask(%(NoteJob.set(queue: "urgent").perform_later("soon")))
      wait_for(work) { noted("later") && noted("soon") }
      expect(noted("later")["executed_at"]).to be > noted("soon")["executed_at"]
    end
  end
end
