# frozen_string_literal: true

require "etc"
require "fileutils"
require "open3"
require "rbconfig"

module Bench
  # The library as of a commit, compiled under tmp/.
  class Past
    ROOT = File.expand_path("../..", __dir__)

    attr_reader :commit

    def initialize(commit)
      output, status = Open3.capture2("git", "-C", ROOT, "rev-parse", "--short", "#{commit}^{commit}")
      abort "bench: no such commit: #{commit}" unless status.success?

      @commit = output.chomp
      build unless File.exist?(extension)
    end

    def lib = File.join(dir, "lib")

    private

    def dir = File.join(ROOT, "tmp", "bench", commit)
    def extension = File.join(lib, "evgearman", "evgearman.#{RbConfig::CONFIG["DLEXT"]}")

    def build
      objects = File.join(dir, "objects")
      FileUtils.mkdir_p(objects)
      Open3.pipeline(["git", "-C", ROOT, "archive", commit, "ext", "lib"], ["tar", "-x", "-C", dir]).all?(&:success?) or
        abort "bench: cannot unpack #{commit}"
      system(RbConfig.ruby, "../ext/evgearman/extconf.rb", chdir: objects, out: File::NULL, exception: true)
      system("make", "-j#{Etc.nprocessors}", chdir: objects, out: File::NULL, exception: true)
      FileUtils.cp(File.join(objects, File.basename(extension)), extension)
    end
  end
end
