# frozen_string_literal: true

# Each call of the C library that is about a socket fails in turn, in every way that it can. Client and worker are one
# after the other told "no" at their first call, their second, and so on, until there are no more.
RSpec.describe "A system call may fail" do
  life = <<~'RUBY'
    QUICK = { url: URL, loop: LOOP, reconnect_delay: 0.001, reconnect_max_delay: 0.01, on_error: ->(_) {} }
    FUNCTION = "faults-#{Process.pid}"
    def descriptors = Dir.children("/proc/self/fd").size

    def worker
      EVGearman::Worker.new(**QUICK).register_function(FUNCTION) { |job| job.send_data("d") && job.workload }.work
    end

    # What was asked, and what each is answered when all is well.
    def ask(made)
      { made.echo("one") => "one", made.submit_job(FUNCTION, "two") => "two", made.server_status => nil,
        made.submit_job_bg(FUNCTION, "three") => nil, made.submit_job(FUNCTION, "x" * 100_000) => "x" * 100_000 }
    end

    # How they ended: how many well. Complains when one has no end, or an end that is another's.
    def outcome(asked, what)
      asked.count do |task, expected|
        task.wait(20) or abort "#{what}: no end"
        abort "#{what}: #{task.result.inspect[0, 80]}" if task.success? && expected && task.result != expected
        task.success?
      end
    end

    # Answers how many ended well and how often they connected again; nil when there is no such call.
    def live(at, error, transfers: 0)
      count(:transfers_only, transfers)
      count(:fails_with, error)
      count(:socket_calls, 0)
      count(:fails_at, at)
      pair = [EVGearman::Client.new(**QUICK), worker]
      good = outcome(ask(pair[0]), "errno #{error} at call #{at}")
      reached = counted(:socket_calls) >= at
      count(:fails_at, 0)
      pair[0].call(FUNCTION, "alive", timeout: 20) == "alive" or abort "not alive"
      stats = pair.map(&:stats)
      stats.each { |each| each[:submitted] == each[:resolved] + each[:pending] or abort each.inspect }
      [good, stats.sum { |each| each[:reconnects] }] if reached
    ensure
      pair&.each { |each| each.close(0) }
    end

    def each_call(error, **options)
      (1..).each { |at| (yield(live(at, error, **options) || (return at - 1))) }
    end

    live(1, 0)
    BEFORE = descriptors
  RUBY

  # Fails when one of them is taken for the end: let stream_read, or stream_write, in net/transport.c not ask again_p.
  it "for a moment, or take one byte only: nobody notices" do
    calls = counting_child(life + <<~RUBY).lines.map(&:to_i)
      [0, Errno::EINTR::Errno, Errno::EAGAIN::Errno].each do |error|
        puts each_call(error, transfers: 1) { |outcome| outcome == [5, 0] or abort "errno \#{error}: \#{outcome}" }
      end
      descriptors <= BEFORE or abort "descriptors are left"
    RUBY
    expect(calls).to match([be > 15] * 3)
  end

  # Fails when a request, or the worker, does not hear of an end: let evg_connection_try_next_way forget to give up, or
  # write_failed in net/pipe.c keep to itself what it saw.
  it "for good: each request has one end, nobody a foreign answer, and both go on" do
    errnos = %i[ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETDOWN ENOBUFS EIO EBADF EMFILE ENFILE ENOMEM EACCES]
    calls = counting_child(life + <<~RUBY).lines.map(&:to_i)
      #{errnos}.each { |name| puts each_call(Errno.const_get(name)::Errno) { |outcome| outcome } }
      descriptors <= BEFORE or abort "descriptors are left"
    RUBY
    expect(calls).to match([be > 30] * errnos.size)
  end
end
