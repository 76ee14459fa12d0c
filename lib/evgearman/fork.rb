# frozen_string_literal: true

module EVGearman
  # Drops what a forked child inherited, at once: before the program may close all descriptors, and open others in their
  # place. Forks that do not come this way (an extension's) are noticed at the next use: the C side counts them all.
  #
  # @api private
  module ForkHook
    # Ruby's own hook for every fork it makes.
    def _fork
      pid = super
      return pid unless pid.zero?

      Loop._after_fork
      Signals.after_fork
      pid
    end

    # That makes one of its own.
    def daemon(...)
      super.tap { Loop._after_fork }
    end
  end

  Process.singleton_class.prepend(ForkHook)
end
