# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "tmpdir"

# The Rails application in spec/rails/shop, in a process of its own. What it is asked is Ruby code; what it answers is what JSON
# makes of that.
class Shop
  ROOT = File.expand_path("../rails/shop", __dir__)
  CONSOLE = File.join(ROOT, "console.rb")

  # The folder of what jobs have noted.
  attr_reader :notes

  # @param ruby [Array<String>] that finds the build which is under test
  def initialize(ruby, url, **env)
    @notes = Dir.mktmpdir("shop")
    env = { "GEARMAN_SERVERS" => url, "SHOP_NOTES" => @notes, "RAILS_ENV" => "production", **env.transform_keys(&:to_s) }
    @input, @output, @waiter = Open3.popen2(env, *ruby, CONSOLE)
  end

  def ask(code)
    @input.puts(JSON.generate(code))
    @output.wait_readable(Examples::PATIENCE) or raise "it does not answer #{code}"
    answer = JSON.parse(@output.gets || raise("it is gone"))
    raise "#{answer.values_at("error", "at").join("\n")}\nfor #{code}" if answer.key?("error")

    answer["value"]
  end

  # What a job has noted, or nil.
  def note(name) = File.exist?(path = File.join(@notes, name)) ? JSON.parse(File.read(path)) : nil

  def stop
    @input.close
    @waiter.join(Examples::PATIENCE) || Process.kill("KILL", @waiter.pid)
    FileUtils.rm_rf(@notes)
  end
end
