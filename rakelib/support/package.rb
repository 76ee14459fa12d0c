# frozen_string_literal: true

require "bundler"
require "open3"
require "tmpdir"

# The gem as others get it: built, installed where nothing else is, and used without the checkout.
class Package
  GEMSPEC = "evgearman.gemspec"

  # Nothing of the checkout may be loaded in place of what was installed.
  RUN = <<~RUBY
    require "evgearman"
    strange = $LOADED_FEATURES.grep(/evgearman/).reject { |path| path.start_with?(Gem.dir) }
    abort "loaded from elsewhere: \#{strange.join(" ")}" if strange.any?
    load ARGV.shift
  RUBY

  # Files that the gem would need and does not have.
  def self.forgotten
    wanted = Dir["{lib,ext,sig,exe}/**/*"].select { |path| File.file?(path) }
    wanted.grep_v(/\.(?:so|bundle|o)\z|mkmf\.log\z/) - Gem::Specification.load(GEMSPEC).files
  end

  def self.try(program)
    Dir.mktmpdir("evgearman") { |home| new(File.realpath(home)).try(program) }
  end

  def initialize(home)
    @home = home
    @file = File.join(home, "evgearman.gem")
  end

  def try(program)
    run("gem", "build", GEMSPEC, "--output", @file)
    run("gem", "install", "--local", "--no-document", @file, "--", "--with-cflags=-O0") # for it is not to take long
    run(RbConfig.ruby, "-e", RUN, File.expand_path(program))
    check_executable
  end

  private

  def env = { "GEM_HOME" => @home, "GEM_PATH" => @home, "RUBYLIB" => nil, "RUBYOPT" => nil }

  # The program that RubyGems has put in front of ours.
  def check_executable
    version = run(File.join(@home, "bin", "evgearman"), "version")
    wanted = "evgearman #{Gem::Specification.load(GEMSPEC).version}\n"
    abort "evgearman version: #{version.inspect} instead of #{wanted.inspect}" unless version == wanted
  end

  def run(*command)
    output, status = Bundler.with_unbundled_env { Open3.capture2e(env, *command) }
    status.success? ? output : abort("#{command.first(2).join(" ")}:\n#{output}")
  end
end
