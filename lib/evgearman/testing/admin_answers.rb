# frozen_string_literal: true

module EVGearman
  module Testing
    # What lines of the admin protocol are answered.
    #
    # @api private
    module AdminAnswers
      UNKNOWN = "ERR UNKNOWN_COMMAND EVGearman::Testing+answers+no+such+question\r\n"
      private_constant :UNKNOWN

      class << self
        def to(line, store)
          case line
          when "version" then "OK evgearman-testing-#{VERSION}\n"
          when "status" then lines(store.by_function) { |name, (waiting, running)| status(name, waiting.size, running) }
          when "prioritystatus" then lines(store.by_function) { |name, (waiting, _)| priorities(name, waiting) }
          when "workers" then lines([])
          when "show jobs" then lines(store.waiting) { |job| [job.handle, 0, 0, 1] }
          when "show unique jobs" then lines(store.waiting) { |job| [job.unique] }
          when /\Acancel job (\S+)\z/ then store.cancel($1) ? "OK\r\n" : "ERR UNKNOWN_JOB\r\n"
          else UNKNOWN
          end
        end

        private

        def lines(rows, &block) = [*rows.map { |row| block.call(row).join("\t") }, ".\n"].join("\n")

        def status(name, waiting, running) = [name, waiting + running, running, workers(name)]

        def priorities(name, waiting)
          [name, *%i[high normal low].map { |priority| waiting.count { |job| job.priority == priority } }, workers(name)]
        end

        def workers(name) = Handlers.for(name) ? 1 : 0
      end
    end
  end
end
