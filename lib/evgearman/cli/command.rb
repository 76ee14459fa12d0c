# frozen_string_literal: true

module EVGearman
  module CLI
    # What commands have in common. One of them says in `SUMMARY` what it is for, in `ARGUMENTS` what stands behind its
    # flags, in `SETTINGS` which of {Settings::TABLE} it knows as flags, and in `flags` which others; `call` does it.
    #
    # @abstract
    # @api private
    class Command
      ARGUMENTS = ""
      SETTINGS = %i[servers tls].freeze

      def self.command_name = name.split("::").last.gsub(/(?<!\A)(?=[A-Z])/, "_").downcase

      def initialize
        @said = {}
      end

      # @param arguments [Array<String>] what stands behind the command
      # @return [Integer] how to end
      def run(arguments)
        rest = parser.parse(arguments)
        return CLI::DONE if @helped

        check_count(rest)
        result = call(*rest)
        result.is_a?(Integer) ? result : CLI::DONE
      end

      # @return [OptionParser]
      def parser
        OptionParser.new do |parser|
          parser.banner = "Usage: #{usage}"
          parser.separator("\n#{self.class::SUMMARY}\n\n")
          flags(parser)
          settings_flags(parser)
          parser.on("-h", "--help", "this text") { tell(parser) }
        end
      end

      private

      def usage = "evgearman #{self.class.command_name} #{self.class::ARGUMENTS}".strip

      def tell(parser)
        @helped = true
        puts parser.help
      end

      # Those of one command.
      def flags(_parser); end

      # @return [Settings] of flags, environment and file
      def settings = @settings ||= Settings.load(@said, file: @file, environment: @environment)

      # @return [Client] of these settings, on a loop of its own
      def client = @client ||= Client.new(loop: Loop.new, **settings.connection)

      def settings_flags(parser)
        rows = Settings::TABLE.select { |row| self.class::SETTINGS.include?(row.name) }
        return if rows.empty?

        rows.each { |row| parser.on(*row.flags, row.text) { |value| @said[row.name] = value.nil? || value } }
        parser.on("-C", "--config FILE", "instead of #{Settings::File::USUAL}") { |path| @file = path }
        parser.on("-e", "--environment NAME", "which section of it: production …") { |name| @environment = name }
      end

      def check_count(arguments)
        needed = method(:call).arity
        return if needed == arguments.size || (needed.negative? && arguments.size >= -needed - 1 && arguments.size <= most)

        raise UsageError, "usage: #{usage}"
      end

      # Arguments of `call`.
      def most
        kinds = method(:call).parameters.map(&:first)
        kinds.include?(:rest) ? Float::INFINITY : kinds.size
      end
    end
  end
end
