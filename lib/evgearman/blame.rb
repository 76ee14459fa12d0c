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

    # Does it name so many arguments?
    #
    # @return [Boolean]
    # @api private
    def _takes?(callable, count)
      body = callable.respond_to?(:parameters) ? callable : callable.method(:call)
      body.parameters.count { |kind, _| %i[req opt].include?(kind) } >= count
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
