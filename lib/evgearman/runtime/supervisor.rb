# frozen_string_literal: true

module EVGearman
  class Runtime
    # Keeps processes: forks them, replaces who dies or is worn out, passes signals on, and ends them all.
    #
    # @api private
    class Supervisor
      HEEDED = %w[TERM INT QUIT HUP TSTP TTIN USR2 CONT CHLD].freeze

      def initialize(settings, log)
        @settings = settings
        @log = log
        @deaths = Deaths.new(settings[:max_deaths])
        @board = Board.new(settings, log)
        @manager = ServiceManager.new
        @slots = Array.new(settings[:processes]) { |n| Slot.new(n + 1, settings[:timeout]) { |number| fork_child(number) } }
        @renewals = []
        @parent = ::Process.ppid
      end

      # @return [Integer] how to end
      # @raise [Failure] when the application does not load
      def run
        @board.open
        preload if @settings[:preload]
        @inbox = Inbox.new(HEEDED)
        @log.info("evgearman #{VERSION} begins", processes: @slots.size, concurrency: @settings[:concurrency])
        turn until @slots.all?(&:empty?)
        raise Failure, @failure if @failure

        @log.info("ended")
        0
      ensure
        @inbox&.close
        @board.close
      end

      private

      def children = @slots.flat_map(&:children)

      # What is made now is shared by all; Ruby 3.3 can sort it for that.
      def preload
        Application.load(@settings)
        ::Process.warmup if ::Process.respond_to?(:warmup)
      end

      def turn
        @slots.each(&:fill)
        wait
        @inbox.take.each { |name| signalled(name) }
        children.each { |child| hear(child) }
        children.select(&:status).each { |child| bury(child) }
        children.each(&:enforce)
        replace unless @ending
        tell
        stop("TERM", @settings[:timeout]) if @settings[:with_parent] && ::Process.ppid != @parent && !@ending
      end

      # Something happened, or a second is over: then it looks who is worn out.
      def wait
        due = @slots.map(&:wait).select(&:positive?).min || 1
        IO.select([@inbox.reader, *children.filter_map(&:socket)], nil, nil, due.clamp(0.01, 1))
      end

      def fork_child(number)
        child = Child.fork(@settings, @log, number: number, inbox: @inbox, deadly: @deaths.deadly) do
          @board.close
          children.each(&:close)
        end
        child.signal("TSTP") if @quiet
        child
      end

      # -- processes -------------------------------------------------------------------------------------------------------

      def hear(child)
        child.hear.each { |message| @board.heard(child.number, child.pid, message) } if child.socket
      end

      def bury(child)
        hear(child) # its last words
        @board.forget(child.number, child.pid)
        slot = @slots.find { |one| one.children.include?(child) }
        slot.close if drained?(child)
        mourn(child) unless child.ending? || drained?(child)
        slot.lost(child)
        child.close
      end

      # It ended because there is nothing more to do.
      def drained?(child) = @settings[:drain] && child.ready? && child.status.success?

      # It was not told to end.
      def mourn(child)
        @log.warn("process #{child.number} is gone: #{child.end}", gone: child.pid, age: child.age)
        @board.deaths += 1
        @deaths.add(child.ledger&.entries.to_a).each { |entry| condemn(entry) }
        give_up(child) unless child.ready?
      end

      def condemn(entry)
        @log.error("too many processes died with a job: it is not run any more", **entry.to_h)
        children.each { |child| child.say({ deadly: entry.key }) }
      end

      # It never was ready: a first one will not be the next time; others go on, and are not replaced.
      def give_up(child)
        failure = child.failure || "process #{child.number} is gone before it was ready: #{child.end}"
        @log.error(failure)
        @renewals.clear
        return if @was_ready || @ending

        @failure = failure
        stop("TERM", 0)
      end

      # One after the other: who is told to end has a successor that is ready.
      def replace
        worn_out.each { |slot| @renewals.push(slot) unless @renewals.include?(slot) }
        @slots.each(&:relieve)
        @renewals.shift.renew if @renewals.any? && @slots.none?(&:renewing?)
      end

      def worn_out
        @slots.reject(&:renewing?).select { |slot| slot.children.any? { |child| child.ready? && worn_out?(child) } }
      end

      # Who has done nothing yet is as large as the next one would be.
      def worn_out?(child)
        jobs = child.state["count"]
        over?(:max_lifetime) { child.age } ||
          (jobs.positive? && (over?(:max_jobs) { jobs } || over?(:max_rss) { child.rss / 1_048_576 }))
      end

      def over?(name)
        limit = @settings[name]
        limit&.positive? && yield >= limit
      end

      # -- signals ---------------------------------------------------------------------------------------------------------

      def signalled(name)
        case name
        when "TERM", "INT" then @ending ? stop("QUIT", 0) : stop("TERM", @settings[:timeout])
        when "QUIT" then stop("QUIT", 0)
        when "HUP" then restart
        when "TSTP", "USR2", "CONT" then pass(name)
        when "TTIN" then children.each { |child| child.signal(name) }
        end
      end

      def stop(name, timeout)
        @log.info("ending", within: timeout)
        @manager.stopping
        @ending = true
        @slots.each(&:close)
        children.each { |child| child.stop(name, timeout) }
      end

      # Those that come later are told, too.
      def pass(name)
        @quiet = name != "CONT"
        children.each { |child| child.signal(name) }
      end

      def restart
        return if @ending

        @log.info("restarting, one process after the other")
        @manager.reloading
        @announced = false
        @renewals = @slots.dup
      end

      # -- how it is -------------------------------------------------------------------------------------------------------

      def tell
        ready = children.count(&:ready?)
        text = "#{ready} of #{@slots.size} processes, #{children.sum { |child| child.state["busy"].to_i }} busy"
        entitle(text) unless text == @text
        @manager.alive if children.select(&:ready?).all? { |child| child.silence < (@manager.patience || Float::INFINITY) }
        announce if ready >= @slots.size && (!@was_ready || (@renewals.empty? && @slots.none?(&:renewing?)))
      end

      def entitle(text)
        @text = text
        ::Process.setproctitle("evgearman #{VERSION} supervisor: #{text}")
        @manager.status(text)
      end

      def announce
        return if @announced || @ending

        @announced = @was_ready = true
        @log.info("ready", processes: children.map(&:pid).join(","))
        @manager.ready
      end
    end
  end
end
