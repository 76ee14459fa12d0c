# frozen_string_literal: true

# One operation of the gem gearman-ruby, measured in a process of its own: gearman_ruby.rb HOST:PORT OPERATION OPS WINDOW.
# It has one request under way, whatever the window.
require "gearman"
require_relative "../support/measured"

# What is measured is the plain way to do it, as in its README.
class GearmanRuby
  include Measured

  WORKLOAD = "0123456789abcdef"

  def initialize(address, ops)
    @address = address
    @ops = ops
  end

  def call
    client = Gearman::Client.new(@address)
    measure { @ops.times { client.do_task(Gearman::Task.new("bench", WORKLOAD)) or raise "failed" } }
  end
  alias foreground call

  # Without keys of their own all would be one job.
  def background
    client = Gearman::Client.new(@address)
    measure { @ops.times { |n| client.do_task(Gearman::Task.new("bench", WORKLOAD, uniq: n.to_s, background: true)) } }
  end

  # `work` ends when there are no more jobs, and not before.
  def worker
    left = @ops
    worker = Gearman::Worker.new([@address])
    worker.add_ability("bench") do |workload|
      worker.worker_enabled = false if (left -= 1).zero?
      workload
    end
    measure { worker.work }
  end
end

Gearman.logger = Logger.new(File::NULL, level: Logger::FATAL)
address, operation, ops = ARGV
GearmanRuby.new(address, Integer(ops)).public_send(operation)
