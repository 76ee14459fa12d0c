# frozen_string_literal: true

require "etc"
require "fileutils"
require "rbconfig"

# A build of the extension beside the one in lib: tmp/<name>/lib goes in front of it on the load path.
class Flavour
  EXT = File.expand_path("../../ext/evgearman", __dir__)
  TMP = File.expand_path("../../tmp", __dir__)

  # The names of the C files are baked into a Makefile, so a new one must remake it; a changed one need not.
  def self.sources_list
    path = File.join(TMP, "sources")
    names = Dir[File.join(EXT, "**/*.c")].sort.join("\n")
    FileUtils.mkdir_p(TMP)
    File.write(path, names) unless File.exist?(path) && File.read(path) == names
    path
  end

  def initialize(name, switches)
    @dir = File.join(TMP, name)
    @switches = switches
  end

  def lib = File.join(@dir, "lib")

  # What a process needs so that `require "evgearman/evgearman"` finds this build. spec_helper reads it.
  def env = { "EVGEARMAN_EXT_DIR" => lib }

  def build
    FileUtils.mkdir_p([objects, File.join(lib, "evgearman")])
    run(@switches, RbConfig.ruby, File.join(EXT, "extconf.rb"), out: File::NULL) if stale?
    run("make", "-j#{Etc.nprocessors}", out: File::NULL)
    FileUtils.cp(File.join(objects, library), File.join(lib, "evgearman"))
  end

  private

  def objects = File.join(@dir, "objects")
  def library = "evgearman.#{RbConfig::CONFIG["DLEXT"]}"

  def stale?
    inputs = [self.class.sources_list, File.join(EXT, "extconf.rb"), File.join(EXT, "depend")]
    !FileUtils.uptodate?(File.join(objects, "Makefile"), inputs)
  end

  def run(*command, **options)
    system(*command, chdir: objects, exception: true, **options)
  end
end
