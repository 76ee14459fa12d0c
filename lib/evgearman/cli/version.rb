# frozen_string_literal: true

module EVGearman
  module CLI
    # `evgearman --version`, too.
    class Version < Command
      SUMMARY = "The version of this program"
      SETTINGS = [].freeze

      def call = puts("evgearman #{VERSION}")
    end
  end
end
