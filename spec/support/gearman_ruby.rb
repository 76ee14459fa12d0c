# frozen_string_literal: true

# Programs for gearman-ruby, run with that gem or with what takes its place here.
module GearmanRuby
  LIBRARIES = { gem: "gearman", compat: "evgearman/compat/gearman" }.freeze

  # Nothing but what a program says itself is on its output.
  QUIET = <<~'RUBY'
    require "logger"
    Gearman.logger = Logger.new(File::NULL)
    $stdout.sync = true
    SERVER = ARGV.fetch(0)

    def client = Gearman::Client.new(SERVER)
    def show(*what) = puts(what.map(&:to_s).join(" "))

    # One that works as long as the program.
    def worker(*abilities)
      worker = Gearman::Worker.new(SERVER)
      yield worker
      Thread.new { worker.work }
    end

    # Each of these blocks prints its name and what it was called with.
    def listen(task, *events)
      events.each { |event| task.public_send(event) { |*args| show(event, *args) } }
      task
    end
  RUBY

  def gearman_ruby(library)
    return ["-r", LIBRARIES.fetch(library)] if library == :compat || Gem.loaded_specs.key?("gearman-ruby")

    missing("the gem gearman-ruby")
  end

  # What such a program prints.
  def gearman_program(library, code, server: shared_server)
    text, status = run_ruby("--disable=gems", *gearman_ruby(library), "-W0", "-e", "#{QUIET}\n#{code}", server.url)
    raise "it failed: #{text}" unless status.success?

    text.lines(chomp: true)
  end

  # Starts one that goes on, until the end of the example.
  def gearman_daemon(library, code, server: shared_server)
    peer(*ruby, "--disable=gems", *gearman_ruby(library), "-W0", "-e", "#{QUIET}\n#{code}", server.url, env: {})
  end
end

RSpec.configure { |config| config.include GearmanRuby }
