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

require_relative "evgearman/version"
require_relative "evgearman/errors"
require_relative "evgearman/blame"
require "evgearman/evgearman"
require_relative "evgearman/seconds"
require_relative "evgearman/words"
require_relative "evgearman/address"
require_relative "evgearman/tls"
require_relative "evgearman/own_thread"
require_relative "evgearman/loop"
require_relative "evgearman/connection"
require_relative "evgearman/trace"
require_relative "evgearman/job_status"
require_relative "evgearman/unix_time"
require_relative "evgearman/admin"
require_relative "evgearman/client"
require_relative "evgearman/mapping"
require_relative "evgearman/repeats"
require_relative "evgearman/configuration"
require_relative "evgearman/reporting"
require_relative "evgearman/default_client"
require_relative "evgearman/task"
require_relative "evgearman/pool"
require_relative "evgearman/deputy"
require_relative "evgearman/signals"
require_relative "evgearman/worker"
require_relative "evgearman/job"
require_relative "evgearman/protocol"
require_relative "evgearman/protocol/session"
require_relative "evgearman/protocol/client_session"
require_relative "evgearman/protocol/worker_session"
require_relative "evgearman/server"
require_relative "evgearman/fork"
require_relative "evgearman/at_exit"

# In an application that has these.
require_relative "evgearman/railtie" if defined?(Rails::Railtie)
require_relative "evgearman/instrumentation" if defined?(ActiveSupport::Notifications)
