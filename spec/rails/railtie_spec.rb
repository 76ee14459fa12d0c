# frozen_string_literal: true

# What a Rails application has by the gem, and what the gem tells it.
RSpec.describe "In a Rails application" do
  before(:context) do
    @embedded = Embedded.start
    @shop = Shop.new(ruby, @embedded.url, SHOP_LOG: @log = File.join(Dir.tmpdir, "shop-#{Process.pid}.log"))
    @shop.ask(<<~RUBY)
      def heard(pattern)
        events = []
        ActiveSupport::Notifications.subscribed(->(event) { events << event }, pattern) { yield }
        events.map { |event| [event.name, event.payload.slice(:function, :command, :jobs, :failed).compact, event.payload.keys, event.duration] }
      end

      # A worker for so many jobs.
      def served(handlers, jobs, **options)
        worker = EVGearman::Worker.new(url: ENV["GEARMAN_SERVERS"], loop: EVGearman::Loop.new, on_callback_error: nil, **options)
        left = jobs
        handlers.each { |name, handler| worker.register(name) { |job| handler.call(job) } }
        thread = Thread.new { worker.run(signals: false) }
        yield
      ensure
        worker.stop
        thread.join
      end
      nil
    RUBY
  end

  after(:context) do
    @shop.stop
    @embedded.stop
    FileUtils.rm_f(@log)
  end

  def ask(code) = @shop.ask(code)
  def log = File.read(@log)

  it "config.evgearman is what the client of the process, and the adapter, are made with" do
    expect(ask("[EVGearman.client.command_timeout, EVGearman.client.server, EVGearman.configuration.logger.equal?(Rails.logger)]"))
      .to eq([20.0, @embedded.url, true])
  end

  it "the name of the adapter is known" do
    expect(ask("ActiveJob::Base.queue_adapter_name")).to eq("evgearman")
  end

  it "rake has its tasks" do
    expect(ask("require 'rake'; Rails.application.load_tasks; Rake::Task.tasks.map(&:name)")).to include("evgearman:work", "evgearman:drain")
  end

  # What `bin/rails generate evgearman:install` makes of the files of a new application.
  describe "the generator" do
    around { |example| Dir.mktmpdir { |dir| @dir = dir and example.run } }

    def generated(files)
      files.each { |name, text| FileUtils.mkdir_p(File.dirname(path(name))) && File.write(path(name), text) }
      ask("require 'rails/generators'; Rails::Generators.invoke('evgearman:install', ['--quiet'], destination_root: #{@dir.inspect}) && nil")
      files.to_h { |name, _| [name, File.read(path(name))] }
    end

    def path(name) = File.join(@dir, name)

    it "has development and production use the adapter, and nothing else" do
      blank = "Rails.application.configure do\n  config.x = 1\nend\n"
      solid = "Rails.application.configure do\n  config.active_job.queue_adapter = :solid_queue\nend\n"
      files = generated("config/environments/development.rb" => blank, "config/environments/production.rb" => solid,
                        "config/environments/test.rb" => blank)
      expect(files.values).to eq(["Rails.application.configure do\n  config.active_job.queue_adapter = :evgearman\n  config.x = 1\nend\n",
                                  "Rails.application.configure do\n  config.active_job.queue_adapter = :evgearman\nend\n", blank])
    end

    it "writes settings that hold" do
      generated({})
      require "evgearman/settings"
      file = path("config/evgearman.yml")
      told = { "GEARMAN_SERVERS" => "a:1" }
      development, production = %w[development production].map { |name| EVGearman::Settings.load(file: file, environment: name, env: {}) }
      expect([development[:queues], development[:concurrency], development[:servers]]).to eq([%w[default mailers], 5, ["127.0.0.1:4730"]])
      expect([production[:servers], production[:processes]]).to eq([["127.0.0.1:4730"], 2])
      expect(EVGearman::Settings.load(file: file, environment: "production", env: told)[:servers]).to eq(["a:1"])
    end

    it "has workers run beside the server of development, where there is a Procfile for that" do
      expect(generated("Procfile.dev" => "web: bin/rails server\n").values).to eq(["web: bin/rails server\njobs: bundle exec evgearman work\n"])
    end
  end

  describe "events tell" do
    let(:name) { function }

    it "of a submission, when it has ended" do
      (event, payload, keys, duration), = ask("heard('submit.evgearman') { EVGearman.enqueue('#{name}') }")
      expect([event, payload]).to eq(["submit.evgearman", { "function" => name, "command" => "submit_job_bg", "jobs" => 1, "failed" => 0 }])
      expect(keys).to include("client", "handle", "unique", "error")
      expect(duration).to be_positive
    end

    it "of many at once, and how many failed" do
      ask("EVGearman.client.create_function('#{name}').value && EVGearman.client.maxqueue('#{name}', 1).value")
      events = ask("heard('submit.evgearman') { EVGearman.client.submit_jobs_bg([['#{name}', 'a'], ['#{name}', 'b']]).value }")
      expect(events.map { |event| event[1] }).to eq([{ "function" => name, "command" => "submit_jobs_bg", "jobs" => 2, "failed" => 1 }])
    end

    it "of a handler, and of what it raised" do
      events = ask(<<~RUBY)
        heard("perform.evgearman") do
          served({ "#{name}" => ->(job) { job.workload == "bad" ? raise("no") : "" } }, 2) do
            EVGearman.call("#{name}", "good")
            EVGearman.call("#{name}", "bad") rescue nil
          end
        end
      RUBY
      expect(events.map { |event| [event[1]["function"], event[2].include?("exception_object")] }).to eq([[name, false], [name, true]])
    end

    it "of connections, and hooks are called as ever" do
      names = ask(<<~RUBY).map(&:first)
        called = []
        heard(/evgearman/) do
          hooks = { on_connect: -> { called << "connected" }, on_disconnect: ->(server) { called << server } }
          client = EVGearman::Client.new(url: ENV["GEARMAN_SERVERS"], **hooks)
          client.ping
          client.close
        end + [[called]]
      RUBY
      expect(names).to eq(["connect.evgearman", "disconnect.evgearman", ["connected", @embedded.url]])
    end

    it "nothing of a hook that was set" do
      expect(ask(<<~RUBY)).to eq([true, true, true])
        hook = -> {}
        client = EVGearman::Client.new(on_connect: hook)
        [client.on_connect.equal?(hook), client.on_disconnect.nil?, client.on_connect { }.equal?(client)]
      RUBY
    end
  end

  it "the log has lines of them" do
    ask(<<~RUBY)
      served({ "logged" => ->(job) { raise "it is\\n wrong" } }, 1) { EVGearman.call("logged") rescue nil }
      EVGearman.enqueue("logged")
      EVGearman.enqueue("logged", "", unique: "k" * 64) rescue nil
    RUBY
    expect(log).to match(/^Gearman connected to #{@embedded.url}$/).and match(/^Gearman submitted logged H:\S+ \(\d+\.\dms\)$/)
    expect(log).to match(/^Gearman logged H:\S+ raised RuntimeError: it is\\n wrong \(\d+\.\dms\)$/)
  end

  it "handlers run as code of the application, and their errors are reported" do
    expect(ask(<<~RUBY)).to eq([[true], ["RuntimeError", "job.evgearman"]])
      active = []
      reported = nil
      Rails.error.subscribe(Class.new { define_method(:report) { |error, source:, **| reported = [error.class.name, source] } }.new)
      served({ "inside" => ->(job) { active << Rails.application.executor.active? and raise("wrong") } }, 1) { EVGearman.call("inside") rescue nil }
      [active, reported]
    RUBY
  end

  it "options are refused that are none" do
    text, status = run_ruby("-e", <<~RUBY, env: { "RAILS_ENV" => "test", "SHOP_NOTES" => Dir.tmpdir })
      require "#{File.expand_path("shop/config/application", __dir__)}"
      Rails.application.config.evgearman.servres = "127.0.0.1"
      Rails.application.initialize!
    RUBY
    expect([text, status.success?]).to match([/unknown option: servres \(ArgumentError\)/, false])
  end

  it "nothing of it is loaded without one" do
    text, = run_ruby("-e", 'require "evgearman"; p [defined?(ActiveSupport), defined?(Rails), defined?(EVGearman::Instrumentation), defined?(EVGearman::ActiveJob)]')
    expect(text).to eq("[nil, nil, nil, nil]\n")
  end

  it "the adapter does without one, and without a word" do
    text, status = run_ruby("-w", "-e", <<~RUBY)
      require "evgearman/active_job"
      ActiveJob::Base.queue_adapter = :evgearman
      ActiveJob::Base.logger = nil
      EVGearman.configure { |c| c.url = "#{@embedded.url}" }
      class PlainJob < ActiveJob::Base
        def perform(what) = puts("performed \#{what}")
      end
      PlainJob.set(queue: "plain").perform_later("it")
      worker = EVGearman::ActiveJob.register(EVGearman::Worker.new(url: "#{@embedded.url}"), queues: "plain")
      worker.work { worker.stop }
      worker.run
    RUBY
    expect([text.lines.grep_v(%r{/gems/}).join, status.success?]).to eq(["performed it\n", true])
  end
end
