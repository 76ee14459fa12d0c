# frozen_string_literal: true

require "rails/railtie"
require_relative "library"
require_relative "reloading"
require_relative "instrumentation"
require_relative "active_job/service"

module EVGearman
  # In a Rails application: `config.evgearman`, the adapter for `config.active_job.queue_adapter = :evgearman`, log lines,
  # rake tasks, and handlers that run as the application's code does. `require "evgearman"` loads it when Rails is loaded
  # before, as `Bundler.require` does.
  #
  # What `config.evgearman` does not say is as `config/evgearman.yml` and the environment have it: see {Settings}.
  #
  # @api private
  class Railtie < ::Rails::Railtie
    CONNECTION = %i[servers tls client_options].freeze

    config.evgearman = ActiveSupport::OrderedOptions.new

    # For a configuration that names the class, and for Active Job, which looks for it.
    config.before_configuration do
      adapter = "active_job/queue_adapters/evgearman_adapter"
      ::ActiveJob::QueueAdapters.autoload(:EvgearmanAdapter, adapter) if defined?(::ActiveJob::QueueAdapters)
    end

    rake_tasks { require "evgearman/tasks" }

    # Not before the application's own initializers, which may say something, too.
    initializer "evgearman.configure", after: :load_config_initializers do |app|
      said = app.config.evgearman.to_h
      settings = Railtie.settings(app)
      connection = settings.connection.merge(ActiveJob::Options.new(**said).connection)
      EVGearman.configure do |configuration|
        configuration.logger ||= ::Rails.logger
        connection.each { |name, value| configuration.public_send(:"#{name}=", value) }
      end
      ActiveJob.configure(**settings.to_h.slice(:prefix), **said.except(*CONNECTION))
    end

    initializer "evgearman.log" do
      require "evgearman/log_subscriber"
      LogSubscriber.attach_to(:evgearman)
    end

    # @return [Settings] of this application
    def self.settings(app)
      require "evgearman/settings"
      file = app.root.join(Settings::File::USUAL)
      Settings.load(file: (file.to_s if file.exist?), environment: ::Rails.env)
    end
  end
end
