# frozen_string_literal: true

module EVGearman
  # Drops what a forked child inherited, at once. Forks that do not come this way (Process.daemon) are noticed at the
  # next use: the C side counts them all.
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
  end

  Process.singleton_class.prepend(ForkHook)
end
