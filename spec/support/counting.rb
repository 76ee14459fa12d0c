# frozen_string_literal: true

require "fileutils"
require "rbconfig"
require "tmpdir"

# Children whose calls of the C library are counted: what was moved, searched, compared, sent. A cost is a number, not
# a time. They can also be made to fail: see counting.c.
module Counting
  PRELUDE = Children::PRELUDE + <<~'RUBY'
    require "fiddle"
    COUNTED = Fiddle.dlopen(nil)
    def counted(name) = Fiddle::Pointer.new(COUNTED[name.to_s])[0, 8].unpack1("Q")
    def count(name, from) = Fiddle::Pointer.new(COUNTED[name.to_s])[0, 8] = [from].pack("q")
    # By how much this grew meanwhile.
    def growth(name)
      before = counted(name)
      yield
      counted(name) - before
    end
    def rss = File.read("/proc/self/statm").split[1].to_i * 4096
    def most_rss = File.read("/proc/self/status")[/VmHWM:\s+(\d+)/, 1].to_i * 1024
  RUBY

  # Made once; nil where it cannot be.
  def self.library
    @library ||= File.join(Dir.mktmpdir("counting"), "counting.so").tap do |path|
      source = File.join(__dir__, "counting.c")
      system("cc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", path, source, exception: true)
      owner = Process.pid
      at_exit { FileUtils.rm_rf(File.dirname(path)) if Process.pid == owner }
    end
  end

  # Like `child`; the script knows `growth(:bytes_moved) { … }` and so on. Answers what it printed.
  def counting_child(script, **options)
    skip "needs Linux" unless RbConfig::CONFIG["host_os"].include?("linux")
    skip "something else is preloaded" if ENV["LD_PRELOAD"]
    text, status = child(script, prelude: PRELUDE, env: { "LD_PRELOAD" => Counting.library }, **options)
    expect([status.exitstatus, text]).to match([0, String]), text
    text
  end
end

RSpec.configure { |config| config.include Counting }
