# frozen_string_literal: true

RSpec.describe "TERM and INT, under Worker#run" do
  prelude = <<~'RUBY'
    def worker(name, loop: EVGearman::Loop.new, **options, &handler)
      EVGearman::Worker.new(url: URL, loop: loop, **options).register_function(name, &(handler || proc { nil }))
    end
    def listens?(worker) = worker.connected? && worker.instance_variable_get(:@running)
    def runs(worker) = Thread.new { worker.run }.tap { eventually { listens?(worker) } }
    def signal(name) = Process.kill(name, Process.pid)
    def ended?(*threads) = threads.all? { |thread| thread.join(20) }
    def traps = %w[INT TERM].map { |name| trap(name, "DEFAULT").tap { |old| trap(name, old) } }
  RUBY

  # Lines that the script printed.
  define_method(:said) { |script| child(prelude + script).first.lines(chomp: true) }
  let(:name) { function }

  # Fails when each run has a trap of its own: the one that began last is the only one that hears.
  it "end them all, on loops of their own and on one" do
    expect(said(<<~RUBY)).to eq(["true", "DEFAULT DEFAULT"])
      running = Array.new(2) { runs(worker("#{name}")) } + Array.new(2) { runs(worker("#{name}", loop: LOOP)) }
      signal(:TERM)
      puts ended?(*running), traps.join(" ")
    RUBY
  end

  # Fails when the first to end restores what was there before it began.
  it "are heard by those who still run when one has ended" do
    expect(said(<<~RUBY)).to eq(%w[true true])
      first, second = Array.new(2) { worker("#{name}") }
      running = [first, second].map { |worker| runs(worker) }
      first.stop
      puts ended?(running[0])
      signal(:INT)
      puts ended?(running[1])
    RUBY
  end

  it "are heard by the trap that was there before, too" do
    expect(said(<<~RUBY)).to eq(["the host's 15", "true", "true"])
      host = proc { |number| puts "the host's \#{number}" }
      trap("TERM", host)
      running = runs(worker("#{name}"))
      signal(:TERM)
      puts ended?(running), trap("TERM", "DEFAULT").equal?(host)
    RUBY
  end

  ["nil", '"IGNORE"', '"DEFAULT"', '"SYSTEM_DEFAULT"', '"EXIT"', 'proc { "the same" }'].each do |before|
    it "are as before when it has ended: #{before}" do
      expect(said(<<~RUBY)).to eq(["true"])
        before = #{before}
        2.times { trap("INT", before) }
        known = trap("INT", before)
        one = worker("#{name}")
        running = runs(one)
        one.stop
        puts ended?(running) && trap("INT", "DEFAULT") == known
      RUBY
    end
  end

  it "leave alone what somebody has trapped meanwhile" do
    expect(said(<<~RUBY)).to eq(%w[theirs true true])
      one = worker("#{name}")
      running = runs(one)
      theirs, ours = proc { |number| puts("theirs") || ours.call(number) }, nil
      ours = trap("TERM", theirs)
      signal(:TERM)
      puts ended?(running), trap("TERM", "DEFAULT").equal?(theirs)
    RUBY
  end

  # Fails when what calls ours, and was there when ours was set again, leads to ours again: that would be a second signal.
  it "are heard once through a trap that calls ours" do
    expect(said(<<~RUBY)).to eq(["theirs", "true", "{:finished=>1, :handed_back=>[]}"])
      begun, go, ours = Queue.new, Queue.new, nil
      one = worker("#{name}", concurrency: 2) { (begun << true) && go.pop }
      first = runs(one)
      ours = trap("TERM", proc { |number| puts("theirs") || ours.call(number) })
      second = runs(worker("#{name}2"))
      client.enqueue("#{name}")
      begun.pop
      signal(:TERM)
      puts ended?(second)
      go << nil
      puts first.value
    RUBY
  end

  it "are heard by a command that was there before" do
    expect(said(<<~RUBY)).to eq(%w[heard true])
      trap("TERM", "puts :heard")
      running = runs(worker("#{name}"))
      signal(:TERM)
      puts ended?(running)
    RUBY
  end

  # Fails when that word of Ruby's is taken for a line of code.
  it "end the program too, where that is what the trap said" do
    out, status = child(prelude + <<~RUBY)
      trap("TERM", "EXIT")
      one = worker("#{name}")
      at_exit { puts one.working? }
      runs(one)
      signal(:TERM)
      sleep(20)
    RUBY
    expect([out, status.exitstatus]).to eq(["false\n", 0])
  end

  it "end those that found no thread to be had, too" do
    expect(said(<<~RUBY)).to eq(%w[true DEFAULT])
      one = worker("#{name}")
      Thread.new { eventually { listens?(one) }.then { signal(:TERM) } }
      Thread.define_singleton_method(:new) { |*| raise ThreadError, "can't create Thread: Resource temporarily unavailable" }
      puts one.run[:handed_back].empty?, traps[1]
    RUBY
  end

  # A second one is for who is impatient, a third for who is desperate.
  it "hand back at once when they come again, and interrupt the handler the third time" do
    expect(said(<<~RUBY)).to eq(%w[begun lost Interrupt Interrupt])
      one = worker("#{name}", shutdown_timeout: 600) do |job|
        job.on_lost { puts "lost" }
        puts "begun"
        sleep
      ensure
        puts $!.class
      end
      client.enqueue("#{name}")
      impatient = Thread.new do
        eventually { one.in_flight.any? }
        2.times { sleep(0.1) && signal(:TERM) }
        eventually { one.closed? }
        sleep(0.1)
        signal(:INT)
      end
      begin
        one.run
      rescue Interrupt => e
        puts e.class
      end
      impatient.join
      EVGearman::Worker.new(url: URL, loop: LOOP).tap { |other| other.register_function("#{name}") { other.stop && nil } }.run
    RUBY
  end

  it "end a forked child as ever, though its parent works" do
    expect(said(<<~RUBY)).to eq(["15", "true"])
      running = runs(worker("#{name}"))
      pid = fork { sleep }
      Process.kill(:TERM, pid)
      puts Process.wait2(pid)[1].termsig
      signal(:TERM)
      puts ended?(running)
    RUBY
  end

  # Fails when such a child sends the signal to itself without end.
  it "end a child that was forked between a trap and the note of what was there before" do
    expect(said(<<~RUBY)).to eq(["15"])
      trap(:TERM, EVGearman::Signals.const_get(:TRAP))
      pid = fork { sleep }
      Process.kill(:TERM, pid)
      puts Process.wait2(pid)[1].termsig
    RUBY
  end

  # Fails when an Interrupt between two traps keeps one from being set or restored for good.
  it "may come at any time: none is lost, and none heard for ever" do
    expect(said(<<~RUBY)).to eq(%w[Interrupt SignalException])
      # An interrupt may hit the rescue of another, and whatever stands between two rounds.
      def insist(depth = 3, &block)
        depth.zero? ? block.call : insist(depth - 1, &block)
      rescue Interrupt
        retry
      end
      pid = Process.pid
      begins, begin_now = IO.pipe
      storm = fork { begins.read(1) && loop { Process.kill(:INT, pid) && sleep(0.0005) } }
      Process.detach(storm)
      rounds = 0
      insist do
        while (rounds += 1) <= 60
          begin_now << "x" if rounds == 1 # not while it is being forked
          one = EVGearman::Worker.new(port: 1, loop: EVGearman::Loop.new, on_error: proc {})
          one.loop.post { one.stop(0) }
          one.run
        end
        Process.kill(:KILL, storm) rescue nil
        eventually { Thread.list.size == 1 }
        # Of several that came at once, Ruby 3.3 keeps the others until the next signal.
        heard = false
        trap(:USR1) { heard = true }
        signal(:USR1)
        eventually { heard }
      end
      %i[INT TERM].each do |name|
        signal(name)
        sleep(20)
      rescue SignalException => e
        puts e.class
      end
    RUBY
  end
end
