# frozen_string_literal: true

# A sanitized or debug build of the extension (see rakelib/support/flavour.rb); children find it too.
if (flavour = ENV.fetch("EVGEARMAN_EXT_DIR", nil))
  $LOAD_PATH.unshift(flavour)
  ENV["RUBYLIB"] = [flavour, ENV.fetch("RUBYLIB", nil)].compact.join(File::PATH_SEPARATOR)
end

require "evgearman"

# What a spec needs from outside.
module Requirements
  # A build whose libev is linked, and not loaded by itself.
  def self.sanitized? = ENV.fetch("LD_PRELOAD", "").include?("asan")

  # For programs of others: sanitizers are for ours.
  PLAIN = { "LD_PRELOAD" => nil }.freeze

  def self.ci? = ENV["CI"] == "true"

  # Debian keeps servers where only root looks for them.
  def self.find(tool)
    path = ENV.fetch("PATH", "").split(File::PATH_SEPARATOR) + %w[/usr/sbin /usr/local/sbin]
    path.map { |dir| File.join(dir, tool) }.find { |file| File.executable?(file) && !File.directory?(file) }
  end

  # The path of a program. One that is not there is a failure in CI, a skip at home.
  def require_tool(tool) = Requirements.find(tool) || missing(tool)

  def missing(what)
    Requirements.ci? ? raise("#{what} is not installed") : skip("#{what} is not installed")
  end
end

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.warnings = true
  config.example_status_persistence_file_path = "tmp/examples.txt"
  config.include Requirements
  config.before(:each, :gearmand) { require_tool("gearmand") }

  # RSpec's own random order prints its seed below the summary, which is to be the last line.
  config.register_ordering(:global) { |items| RSpec::Core::Ordering::Random.new(config).order(items) }
  config.before(:suite) { RSpec.configuration.reporter.message("Seed #{RSpec.configuration.seed}") }
end

Dir[File.join(__dir__, "support", "**", "*.rb")].sort.each { |path| require path }
