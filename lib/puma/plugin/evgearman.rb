# frozen_string_literal: true

require "rbconfig"
require "puma/dsl"
require "puma/plugin"

# Puma's own.
#
# @api private
module Puma
  # What `plugin :evgearman` brings to config/puma.rb.
  #
  # @api private
  class DSL
    # How workers run beside Puma: `:fork`, which is usual, in processes of their own; `:async`, on a thread of Puma's single
    # process.
    def evgearman_mode(mode = :fork)
      raise ArgumentError, "evgearman_mode: :fork or :async, not #{mode.inspect}" unless %i[fork async].include?(mode)

      @options[:evgearman_mode] = mode
    end
  end
end

# Runs workers as long as Puma runs: see docs/workers.md.
Puma::Plugin.create do
  def start(launcher)
    @launcher = launcher
    @async = launcher.options[:evgearman_mode] == :async
    refuse_cluster if @async
    hook(:after_booted, :on_booted) { @async ? start_thread : start_process }
    hook(:after_stopped, :on_stopped) { finish }
    hook(:before_restart, :on_restart) { finish }
  end

  private

  # Puma 7 has new names for its events.
  def hook(name, old, &block)
    events = @launcher.events
    events.public_send(events.respond_to?(name) ? name : old, &block)
  end

  def refuse_cluster
    workers = @launcher.options[:workers].to_i
    raise ArgumentError, "evgearman_mode :async is for Puma's single mode, not for #{workers} workers" if workers.positive?
  end

  def start_thread
    require "evgearman/runtime"
    @runtime = EVGearman::Runtime.new.start
  end

  # Of its own, without anything of Puma's; it ends with Puma, however that ends.
  def start_process
    program = File.expand_path("../../../exe/evgearman", __dir__)
    @pid = Process.spawn(RbConfig.ruby, "-I", File.expand_path("../..", __dir__), program, "work", "--with-parent")
    @watch = Thread.new { watch(@pid) }
  end

  # Puma is not to go on as if there were workers.
  def watch(pid)
    _, status = Process.wait2(pid)
    return if @finished

    @launcher.log_writer.log("! evgearman ended (#{status}): Puma stops")
    @launcher.stop
  end

  def finish
    @finished = true
    @runtime&.stop
    Process.kill("TERM", @pid) if @pid && @watch.alive?
    @watch&.join
    @runtime = @pid = nil
  rescue Errno::ESRCH
    nil # it has just ended
  end
end
