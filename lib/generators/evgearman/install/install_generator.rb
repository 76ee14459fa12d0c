# frozen_string_literal: true

require "rails/generators/base"

module EVGearman
  # What `bin/rails generate` finds.
  # @api private
  module Generators
    # `bin/rails generate evgearman:install`: Active Job by Gearman in development and production, and where its servers are.
    # @api private
    class InstallGenerator < ::Rails::Generators::Base
      SETTING = "config.active_job.queue_adapter = :evgearman"
      OTHER = /^ *config\.active_job\.queue_adapter\s*=.*$/

      namespace "evgearman:install"
      source_root File.expand_path("templates", __dir__)
      desc "Has Active Job use Gearman in development and production, and writes config/evgearman.yml."

      def settings = template("evgearman.yml.tt", "config/evgearman.yml")

      # Tests have an adapter of their own.
      def adapter = %w[development production].each { |name| use_in("config/environments/#{name}.rb") }

      def procfile
        append_to_file("Procfile.dev", "jobs: bundle exec evgearman work\n") if in_root? "Procfile.dev"
      end

      private

      def in_root?(path) = File.exist?(File.join(destination_root, path))

      def use_in(path)
        return unless in_root?(path)
        return gsub_file(path, OTHER, "  #{SETTING}") if File.read(File.join(destination_root, path)).match?(OTHER)

        inject_into_file(path, "  #{SETTING}\n", after: "Rails.application.configure do\n")
      end
    end
  end
end
