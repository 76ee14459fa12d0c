# frozen_string_literal: true

require "fileutils"
require "socket"
require_relative "package"

# The README's three steps in an application made by `rails new`, with the gem as others get it, in development and in
# production. What it installs stays in tmp/rails, for the next time.
class FreshRails
  HOME = File.expand_path("../../tmp/rails", __dir__)
  PATIENCE = 120
  NEW = %w[--api --skip-git --skip-bundle --skip-active-record --skip-test --skip-bootsnap --skip-rubocop --skip-brakeman
           --skip-ci --skip-docker --quiet].freeze

  # Writes where its own code comes from.
  JOB = <<~RUBY
    class HelloJob < ApplicationJob
      def perform(path) = File.write(path, [Rails.env, Gem.loaded_specs["evgearman"].full_gem_path].join(" "))
    end
  RUBY

  def initialize
    @gems = File.join(HOME, "gems")
    @app = File.join(HOME, "shop")
    @servers = "127.0.0.1:#{TCPServer.open("127.0.0.1", 0) { |socket| socket.addr[1] }}"
  end

  # Aborts if anything is not as the README says.
  def try
    install
    make
    %w[development production].each { |name| perform(name) }
  end

  private

  def install
    gem = File.join(HOME, "evgearman.gem")
    FileUtils.mkdir_p(HOME)
    run("gem", "build", Package::GEMSPEC, "--output", gem, chdir: ".")
    run("gem", "install", "--local", "--no-document", "--force", gem, chdir: ".")
  end

  def make
    FileUtils.rm_rf(@app)
    version = Gem::Specification.find_by_name("railties").version
    load_rails = "gem 'railties', '#{version}'; load Gem.bin_path('railties', 'rails', '#{version}')"
    run(RbConfig.ruby, "-e", load_rails, "new", @app, *NEW, chdir: HOME)
    File.write(File.join(@app, "app/jobs/hello_job.rb"), JOB)
    run("bundle", "add", "evgearman")
    run("bin/rails", "generate", "evgearman:install")
  end

  def perform(name)
    given = { "RAILS_ENV" => name, "GEARMAN_SERVERS" => @servers, "SECRET_KEY_BASE" => "0" * 128 }
    running(given, "server", "--port", @servers[/\d+\z/]) do
      running(given, "work") do
        now, later = %w[now later].map { |time| File.join(@app, "tmp", "#{name}-#{time}") }
        code = "HelloJob.perform_later(#{now.inspect}); HelloJob.set(wait: 1.second).perform_later(#{later.inspect})"
        run("bin/rails", "runner", code, env: given)
        [now, later].each { |path| check(path, name) }
      end
    end
  end

  def check(path, name)
    deadline = Time.now + PATIENCE
    sleep(0.1) until File.exist?(path) || Time.now > deadline
    said = File.exist?(path) ? File.read(path) : "nothing, within #{PATIENCE} s"
    abort "#{path}: #{said}" unless said.start_with?("#{name} #{@gems}/")
  end

  # A program of the gem, beside the block; it has to end well.
  def running(given, *command)
    log = File.join(@app, "log", "#{command.first}.log")
    pid = Bundler.with_unbundled_env do
      spawn(env.merge(given), "bundle", "exec", "evgearman", *command, chdir: @app, %i[out err] => log)
    end
    yield
    Process.kill("TERM", pid)
    status = Process.wait2(pid).last
    pid = nil
    abort "evgearman #{command.first}: #{status}\n#{File.read(log)}" unless status.success?
  ensure
    Process.kill("KILL", pid) && Process.wait(pid) if pid
  end

  # Rails and what it needs may be there already, where the gems of this Ruby are; ours may not.
  def env
    path = [@gems, *Gem.path].join(File::PATH_SEPARATOR)
    { "GEM_HOME" => @gems, "GEM_PATH" => path, "RUBYLIB" => nil, "RUBYOPT" => nil, "BUNDLE_GEMFILE" => nil }
  end

  def run(*command, env: {}, chdir: @app)
    output, status = Bundler.with_unbundled_env { Open3.capture2e(self.env.merge(env), *command, chdir: chdir) }
    abort "#{command.first(3).join(" ")}:\n#{output}" unless status.success?
  end
end
