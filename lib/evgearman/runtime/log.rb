# frozen_string_literal: true

require "json"
require "logger"

module EVGearman
  class Runtime
    # Lines on stdout: for people, or as JSON for those who collect them. What is known besides stands behind the message, as
    # `function=resize handle=H:vm:1`.
    #
    # @api private
    class Log
      STAMP = "%FT%T.%LZ"
      PLAIN = /\A[ -~]{,1000}\z/.freeze
      private_constant :STAMP, :PLAIN

      # @return [Logger] for those who have only a message to tell
      attr_reader :plain

      def initialize(settings, output = $stdout)
        output.sync = true if output.respond_to?(:sync=)
        @plain = Logger.new(output, level: settings[:log_level], progname: "evgearman")
        @plain.formatter = method(settings[:log_format] == "json" ? :as_json : :as_text)
      end

      %w[debug info warn error].each do |level|
        severity = Logger::Severity.const_get(level.upcase)
        define_method(level) { |message, **context| @plain.add(severity) { [message, context] } }
        define_method(:"#{level}?") { @plain.level <= severity }
      end

      private

      def as_json(severity, time, _progname, said)
        message, context = said
        line = { time: time.getutc.strftime(STAMP), pid: ::Process.pid, level: severity.downcase, message: clean(message) }
        "#{JSON.generate(line.merge((context || {}).compact.transform_values { |value| plainly(value) }))}\n"
      end

      def as_text(severity, time, _progname, said)
        message, context = said
        pairs = (context || {}).compact.map { |name, value| "#{name}=#{quoted(value)}" }
        "#{[time.getutc.strftime(STAMP), ::Process.pid, severity, clean(message), *pairs].join(" ")}\n"
      end

      # Most are plain, and that is quickly seen.
      def clean(text)
        return text.map { |one| clean(one) }.join(" < ") if text.is_a?(Array) # a backtrace, all of it
        return text if text.is_a?(String) && text.ascii_only? && text.match?(PLAIN)

        Words.one_line(text.is_a?(Exception) ? "#{text.class}: #{text.message}" : text)
      end

      def plainly(value) = value.is_a?(Numeric) || value == true || value == false ? value : clean(value)

      def quoted(value)
        text = value.is_a?(Float) ? value.round(4).to_s : clean(value)
        text.match?(/[ "=]/) ? text.inspect : text
      end
    end
  end
end
