# frozen_string_literal: true

module EVGearman
  module CLI
    # `evgearman work`: see {Runtime}.
    class Work < Command
      SUMMARY = "Runs jobs until TERM or INT; docs/workers.md tells more"
      SETTINGS = Settings.names.freeze

      def call
        require_relative "../runtime"
        Runtime.new(settings).run
      end
    end
  end
end
