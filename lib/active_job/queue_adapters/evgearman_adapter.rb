# frozen_string_literal: true

require "active_job"
require "evgearman/library"
require "evgearman/instrumentation"
require "evgearman/active_job/service"

# Active Job's own modules.
#
# @api private
module ActiveJob
  # @api private
  module QueueAdapters
    parent = const_defined?(:AbstractAdapter) ? AbstractAdapter : Object # it came with Rails 7.2

    # What `config.active_job.queue_adapter = :evgearman` names; or an object of it, with options of its own. All of it is in
    # {EVGearman::ActiveJob::Adapter}.
    EvgearmanAdapter = Class.new(parent) { include EVGearman::ActiveJob::Adapter }
  end
end
