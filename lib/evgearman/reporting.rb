# frozen_string_literal: true

# Where what nobody has a hook for is told.
module EVGearman
  @callback_errors = Repeats.new

  class << self
    # Where the errors of blocks go that have no client with an `on_callback_error`.
    # @api private
    def _warn_callback_error(error, where)
      place = " (#{error.backtrace.first})" if error.backtrace
      what = "raised #{error.class}: #{Words.one_line(error.message)}#{place}"
      line = "evgearman: #{Words.one_line(where)} #{what}"
      handle = where.b[/\Ajob .* (.+)\z/m, 1]
      quiet = @callback_errors.untold(handle ? line.b.gsub(handle, "") : line.b) or return # of whichever job
      _report(:error, quiet.zero? ? line : "#{line}; #{quiet} times more since that was last told")
    end

    # To the logger, or to stderr. Raises nothing: there would be nobody to report that to.
    # @api private
    def _report(severity, message)
      logger = configuration.logger
      logger ? logger.public_send(severity, message) : warn(message)
    rescue StandardError => e
      warn("#{message}; the logger raised #{e.class}")
    end
  end
end
