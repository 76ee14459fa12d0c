# frozen_string_literal: true

module EVGearman
  module CLI
    # `evgearman help`, and `evgearman help COMMAND`.
    class Help < Command
      SUMMARY = "What can be done, and how"
      ARGUMENTS = "[COMMAND]"
      SETTINGS = [].freeze

      def call(name = nil)
        name ? puts(CLI.command(name).new.parser.help) : puts(overview)
      end

      private

      def overview
        commands = CLI.names.map { |name| [name, CLI.command(name)::SUMMARY] }
        width = commands.map { |name, _| name.size }.max
        ["Usage: evgearman COMMAND [FLAGS] [ARGUMENTS]", "",
         *commands.map { |name, summary| "  #{name.ljust(width)}  #{summary}" }, "",
         "evgearman COMMAND --help tells its flags; evgearman --version its version."]
      end
    end
  end
end
