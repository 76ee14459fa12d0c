# frozen_string_literal: true

# The application, asked from outside: each line of its input is an expression as JSON, each of its output the answer.
require "json"
answers = $stdout.dup
$stdout.reopen($stderr)
require_relative "config/environment"

# Its workers.
module Shop
  class << self
    # A worker in a forked process, which ends with this one; answers its pid when it is about to work.
    def start_worker(*queues, **options)
      begun, beginning = IO.pipe
      life, line = IO.pipe
      pid = fork do
        line.close
        Thread.new { life.read && exit!(1) }
        work(queues, beginning, **options)
      end
      life.close
      beginning.close
      begun.read(1) or raise "the worker did not begin"
      (@lines ||= []) << line
      pid
    end

    def stop_worker(pid)
      Process.kill("TERM", pid)
      Process.wait2(pid).last.exitstatus
    end

    private

    def work(queues, beginning, **options)
      worker = EVGearman::Worker.new(url: ENV.fetch("GEARMAN_SERVERS"), on_callback_error: method(:unhandled),
                                     poll_interval: 0.2, **options)
      EVGearman::ActiveJob.register(worker, queues: queues)
      worker.on_connect { beginning.write(".") && beginning.close unless beginning.closed? }
      worker.run
    end

    def unhandled(error, where)
      note("unhandled", where: where, error: error.message, class: error.class.name)
    end
  end
end

while (line = $stdin.gets)
  answer = begin
    { value: eval(JSON.parse(line), TOPLEVEL_BINDING) } # rubocop:disable Security/Eval -- it is the spec's
  rescue StandardError => e
    { error: "#{e.class}: #{e.message}", at: e.backtrace.first(5) }
  end
  answers.puts(JSON.generate(answer))
  answers.flush
end
