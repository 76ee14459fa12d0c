# frozen_string_literal: true

require "optparse"
require_relative "library"
require_relative "settings"

module EVGearman
  # The program `evgearman`: a command is a file in `cli/`, which defines the class of its name.
  #
  # @api private
  module CLI
    # How it ends.
    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_SERVER = 3
    TIMED_OUT = 4
    TRY_AGAIN = 75 # nothing was done, and it is worth trying again: sysexits' EX_TEMPFAIL
    INTERRUPTED = 130
    TERMINATED = 143

    # What was asked for makes no sense.
    class UsageError < StandardError; end

    # Which of them an error is; the first that it is one of.
    EXITS = {
      UsageError => USAGE, OptionParser::ParseError => USAGE, Settings::Error => USAGE,
      QueueFullError => TRY_AGAIN, BackpressureError => TRY_AGAIN,
      TimeoutError => TIMED_OUT, ConnectionError => NO_SERVER, Error => FAILED
    }.freeze
    private_constant :EXITS

    class << self
      # @param arguments [Array<String>] as the shell gives them
      # @return [Integer] how to end
      def run(arguments)
        name, *rest = arguments
        command(FIRST_FLAGS.fetch(name, name)).new.run(rest)
      rescue *EXITS.keys => e
        complain(e)
      rescue Interrupt
        INTERRUPTED
      rescue Errno::EPIPE # whoever read it has gone, as `head` does
        $stdout.reopen(::File::NULL)
        DONE
      end

      # @return [Array<String>] the names of the commands
      def names = Dir[::File.join(__dir__, "cli", "*.rb")].map { |path| ::File.basename(path, ".rb") }.sort - ["command"]

      # @param name [String]
      # @return [Class]
      # @raise [UsageError] with the nearest command that there is
      def command(name)
        raise UsageError, "no command #{name}#{Settings.nearest(name, names)}" unless names.include?(name)

        require_relative "cli/#{name}"
        const_get(name.split("_").map(&:capitalize).join)
      end

      # @param error [Exception]
      # @return [Integer] how to end with it
      def code_of(error) = EXITS.find { |klass, _| error.is_a?(klass) }.last

      # Says what is wrong.
      #
      # @param error [Exception]
      # @return [Integer] how to end with it
      def complain(error)
        message = error.message.sub(/\nDid you mean\?\s+(.*)/m) { "; did you mean #{flags($1)}?" } # OptionParser's
        warn("evgearman: #{Words.one_line(message)}")
        code_of(error)
      end

      private

      def flags(names) = names.split.map { |name| name.size > 1 ? "--#{name}" : "-#{name}" }.join(" or ")
    end

    # What stands in place of a command.
    FIRST_FLAGS = { nil => "help", "-h" => "help", "--help" => "help", "-V" => "version", "--version" => "version" }.freeze
    private_constant :FIRST_FLAGS
  end
end

require_relative "cli/command"
