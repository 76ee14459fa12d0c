# frozen_string_literal: true

require "evgearman"
require "logger"

raise LoadError, "the gem gearman-ruby is loaded already: evgearman/compat/gearman takes its place" if defined?(Gearman)

# What the gem gearman-ruby 4.0 has, on evgearman: programs that were written for it run as they are, also with their
# `require "gearman"`. What it does, and what it does not do as that gem did, is told in docs/migration.md.
#
#     require "evgearman/compat/gearman"
#
#     task = Gearman::Task.new("reverse", "hello")
#     Gearman::Client.new("localhost:4730").do_task(task)   # => "olleh"
module Gearman
  class << self
    # Sets {logger}.
    attr_writer :logger

    # Where clients and workers tell what goes wrong.
    #
    # @return [Logger] on standard output, if no other was set
    def logger = @logger ||= Logger.new($stdout)
  end

  # For those who include it: {Gearman.logger}.
  module Logging
    # @return [Logger]
    def logger = Gearman.logger
  end
end

require_relative "gearman/errors"
require_relative "gearman/servers"
require_relative "gearman/task"
require_relative "gearman/task_set"
require_relative "gearman/submission"
require_relative "gearman/client"
require_relative "gearman/job"
require_relative "gearman/ability"
require_relative "gearman/worker"
require_relative "gearman/server"

# Programs that require these need not be changed.
%w[gearman gearman/client gearman/exceptions gearman/server gearman/task gearman/task_set gearman/worker].each do |feature|
  $LOADED_FEATURES << "#{feature}.rb"
end
