# frozen_string_literal: true

require "rails"
require "active_job/railtie"
require "evgearman" # as Bundler.require does in an application

# A small Rails application, which has nothing but jobs.
module Shop
  class Application < Rails::Application
    config.root = File.expand_path("..", __dir__)
    config.load_defaults "#{Rails::VERSION::MAJOR}.#{Rails::VERSION::MINOR}"
    config.eager_load = false
    config.logger = ActiveSupport::TaggedLogging.new(ActiveSupport::Logger.new(ENV.fetch("SHOP_LOG", File::NULL)))
    config.secret_key_base = "not secret"
    config.i18n.available_locales = %i[en de]
    config.active_job.queue_adapter = :evgearman
    config.evgearman.prefix = ENV.fetch("SHOP_PREFIX", "active_job.")
    config.evgearman.client_options = { command_timeout: 20 }
  end
end
