# frozen_string_literal: true

# An asynchronous Gearman client and worker on libev.
#
#     client = EVGearman::Client.new(host: "127.0.0.1")
#     client.call("reverse", "hello")                       # waits
#     client.submit_job("reverse", "hello") { |result, error| … }   # does not
#
# Every object may be used from any thread: see {Client} and {Loop}.
module EVGearman
end

require_relative "evgearman/library"

# In an application that has these.
require_relative "evgearman/railtie" if defined?(Rails::Railtie)
require_relative "evgearman/instrumentation" if defined?(ActiveSupport::Notifications)
