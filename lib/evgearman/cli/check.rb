# frozen_string_literal: true

require_relative "support/query"
require_relative "support/known_bugs"

module EVGearman
  module CLI
    # `evgearman check`
    class Check < Query
      SUMMARY = "Is all there that `evgearman work` needs with the same flags: configuration, application, servers"
      SETTINGS = Settings.names.freeze

      # What was found about something: `state` is :ok, :warning or :failed; and what can be done.
      Finding = Struct.new(:state, :subject, :message, :remedy)

      STYLES = { ok: :green, warning: :yellow, failed: :red }.freeze
      private_constant :STYLES

      def call
        @findings = []
        look
        @json ? print_json(@findings.map { |finding| finding.to_h.compact }) : puts(@findings.flat_map { |one| lines(one) })
        code
      end

      private

      # Those of `work` are settings; its --timeout is not ours.
      def flags(parser)
        parser.on("--json", "print JSON") { @json = true }
      end

      def look
        check_settings or return
        check_application
        fleet.clients.each { |client| check_server(client) }
      end

      def ok(subject, message) = @findings << Finding.new(:ok, subject, message)
      def warning(subject, message, remedy) = @findings << Finding.new(:warning, subject, message, remedy)

      # The first that fails says how it ends.
      def failed(subject, message, remedy, code)
        @code ||= code
        @findings << Finding.new(:failed, subject, message, remedy)
      end

      # Is it all known, and as it can be?
      def check_settings
        fleet
        said = Settings.names.select { |name| settings.said?(name) }.map { |name| settings.source(name) }.uniq.sort
        ok("configuration", "#{settings.environment}, as said by #{said.empty? ? "nobody" : said.join(", ")}")
      rescue ArgumentError => e
        failed("configuration", e.message, "mend it there; evgearman help work tells what can be set", USAGE)
        nil
      end

      def check_application
        require_relative "../runtime"
        files = Runtime::Application.files(settings)
        return if files.empty? && !settings.said?(:functions) && !settings.said?(:queues)

        nobody_performs if files.empty? && settings[:queues]
        ok("application", "does #{functions.join(", ")}")
      rescue Runtime::Failure, LoadError => e
        failed("application", e.message, "see to its files (-r), functions (-f) and queues (-q)", FAILED)
      rescue SystemExit
        failed("application", "it ends the program when it is loaded", "let it do so only when it is run itself", FAILED)
      end

      def nobody_performs = raise(Runtime::Failure, "there are queues, and no application that performs their jobs")

      # What it would do. What it prints while it is loaded is no finding.
      def functions
        before, $stdout = $stdout, $stderr
        Runtime::Application.load(settings)
        Runtime::Functions.new(settings, Runtime.registry).all.keys
      ensure
        $stdout = before
      end

      def check_server(client)
        version = client.server_version.value
        ok(client.server, "#{kind(client.dialect, version)}, #{format("%.1f", client.ping * 1000)} ms")
        KnownBugs.of(client.dialect, version).each { |bug| tell_of(client.server, bug) }
        check_functions(client.server, client.server_status.value)
      rescue Error => e
        failed(client.server, e.message.delete_suffix(" (#{client.server})"), remedy_of(e), CLI.code_of(e))
      end

      def kind(dialect, version)
        return "evgearman server #{version}" if version.end_with?(KnownBugs::OURS)

        { gearmand: "gearmand ", perl: "Perl's Gearman::Server " }.fetch(dialect, "") + version
      end

      def tell_of(server, bug)
        return warning(server, bug.what, bug.remedy) unless bug == KnownBugs::EPOCH && settings[:poll_interval].zero?

        failed(server, "#{bug.what}, and poll_interval is 0: delayed jobs will not run", "set poll_interval to 1", FAILED)
      end

      # A queue that somebody fills and nobody empties: maybe by another name.
      def check_functions(server, status)
        done, others = status.partition { |row| row.workers.positive? }
        others.select { |row| row.waiting.positive? }.each do |row|
          warning(server, "#{row.name} has jobs that wait (#{row.waiting}), and no worker",
                  "start one that does it#{Settings.nearest(row.name, done.map(&:name))}")
        end
      end

      def remedy_of(error)
        case error
        when TLSError then "see to tls: is it spoken there, is ca_file the right one, is the certificate for that name?"
        when ResolveError then "see to the name in servers"
        when TimeoutError then "it is there and says nothing: look at its process and its log"
        else "start one there (evgearman server, gearmand), or name another by --servers"
        end
      end

      def lines(finding)
        state = terminal.paint(finding.state.to_s.ljust(7), STYLES.fetch(finding.state))
        first = "#{state}  #{finding.subject}: #{Words.one_line(finding.message)}"
        finding.remedy ? [first, "         #{terminal.paint(finding.remedy, :dim)}"] : [first]
      end
    end
  end
end
