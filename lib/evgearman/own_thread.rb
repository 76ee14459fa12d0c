# frozen_string_literal: true

module EVGearman
  # Threads of our own. Whoever happens to need one makes it, and a new thread takes over from its maker what is none of
  # its business: masks of `handle_interrupt` (with which it could not be ended, nor Timeout work in it), fiber storage
  # (one tenant's context, for all), the group, the priority.
  #
  # @api private
  module OwnThread
    # Calls the block on a new thread.
    def self.start(name, &block)
      Thread.new do
        Thread.handle_interrupt(Object => :immediate) do
          settle(Thread.current, name)
          block.call
        end
      end
    end

    def self.settle(thread, name)
      thread.name = name
      thread.priority = 0
      thread.thread_variable_set(:fork_safe, true)
      ThreadGroup::Default.add(thread) unless [thread.group, ThreadGroup::Default].any?(&:enclosed?)
      Fiber.current.storage&.each_key { |key| Fiber[key] = nil } if Fiber.method_defined?(:storage) # Ruby 3.2
    end
    private_class_method :settle
  end
end
