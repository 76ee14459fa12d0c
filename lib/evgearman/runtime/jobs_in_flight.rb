# frozen_string_literal: true

module EVGearman
  class Runtime
    # What a process is at: for TTIN.
    #
    # @api private
    module JobsInFlight
      module_function

      def tell(log, worker)
        worker&.in_flight&.each do |job|
          log.warn("in flight", function: job.function, handle: job.handle, unique: job.unique, elapsed: job.elapsed)
        end
        Thread.list.each do |thread|
          name = thread.name || thread.object_id
          log.warn("thread #{name} #{thread.status}", backtrace: thread.backtrace)
        end
      end
    end
  end
end
