# frozen_string_literal: true

module EVGearman
  # Where our own code is: frames of it say nothing to who called it.
  HOME = "#{File.dirname(__dir__)}/"
  private_constant :HOME

  class << self
    # Raises for what a caller did wrong, at the caller's line.
    #
    # @api private
    def _blame(message, klass = ArgumentError)
      raise klass, message, _callers
    end

    # The backtrace of whoever called us. In C, too.
    #
    # @return [Array<String>]
    # @api private
    def _callers
      lines = caller(1)
      theirs = lines.drop_while { |line| line.start_with?(HOME) }
      theirs.empty? ? lines : theirs
    end
  end
end
