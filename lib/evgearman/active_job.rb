# frozen_string_literal: true

# Active Job on Gearman, without Rails: see {EVGearman::ActiveJob}. In a Rails application it is there.
require "active_job/queue_adapters/evgearman_adapter"
