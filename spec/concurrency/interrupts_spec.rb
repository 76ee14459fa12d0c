# frozen_string_literal: true

RSpec.describe "Interrupts of a thread that waits" do
  # What is done to a waiting thread, and what it should end with. Each scenario runs as driver and as follower.
  SCENARIOS = <<~'RUBY'
    CLIENT = client
    WAITS = {
      value: -> { never(CLIENT).value },
      call: -> { CLIENT.call("nobody-does-this", "", timeout: 60) },
      run: -> { LOOP.run },
      run_once: -> { LOOP.run_once while true }
    }

    # Somebody else drives meanwhile, or nobody.
    def beside(role)
      return yield if role == :driver
      goal = never(CLIENT)
      other = Thread.new { goal.wait }
      eventually { LOOP.running? }
      yield
    ensure
      goal&.abandon
      other&.join
    end

    # How the wait ended; `disturb` is called with the thread when it sleeps.
    def ending(wait, disturb)
      victim = Thread.current
      disturber = Thread.new { asleep(victim); sleep(0.02); disturb.(victim) }
      WAITS.fetch(wait).call
    rescue Exception => e
      e.class
    ensure
      disturber.join
    end

    def each_scenario
      %i[driver follower].each { |role| WAITS.each_key { |wait| beside(role) { yield role, wait } } }
    end

    def check(what, role, wait, got, expected)
      puts "#{what} #{role} #{wait}: #{got.inspect}" unless got == expected
    end

    # The seat is in good hands, and nobody is left over.
    def finish
      puts "the seat is taken" if LOOP.running?
      puts "no answer" unless CLIENT.echo("x").value(20) == "x"
      puts "ok"
    end
  RUBY

  def scenarios(script)
    output, status = child(SCENARIOS + script)
    expect([output, status.exitstatus]).to eq(["ok\n", 0])
  end

  it "by Ctrl-C on the main thread" do
    scenarios(<<~'RUBY')
      each_scenario { |role, wait| check("INT", role, wait, ending(wait, ->(_) { Process.kill(:INT, $$) }), Interrupt) }
      finish
    RUBY
  end

  it "by SIGTERM and a trap that raises" do
    scenarios(<<~'RUBY')
      trap("TERM") { raise SignalException, "SIGTERM" }
      each_scenario { |role, wait| check("TERM", role, wait, ending(wait, ->(_) { Process.kill(:TERM, $$) }), SignalException) }
      finish
    RUBY
  end

  it "by SIGTERM and a trap that sets a flag: it goes on waiting" do
    scenarios(<<~'RUBY')
      caught = 0
      trap("TERM") { caught += 1 }
      disturb = ->(victim) { Process.kill(:TERM, $$); seen = caught; eventually { caught == seen + 1 || caught > 0 }; victim.raise(IOError) }
      each_scenario { |role, wait| check("TERM", role, wait, ending(wait, disturb), IOError) }
      puts caught unless caught == 8
      finish
    RUBY
  end

  it "by signals while another thread than the main one waits" do
    scenarios(<<~'RUBY')
      each_scenario do |role, wait|
        got = begin
          waiting = Thread.new { WAITS.fetch(wait).call }
          asleep(waiting)
          Thread.new { sleep(0.02); Process.kill(:INT, $$) }
          waiting.join
        rescue Interrupt => e
          e.class
        end
        check("INT", role, wait, got, Interrupt)
        waiting.kill.join
      end
      finish
    RUBY
  end

  it "by Timeout.timeout, on the main thread and on another" do
    scenarios(<<~'RUBY')
      each_scenario do |role, wait|
        timed = -> { Timeout.timeout(0.05) { WAITS.fetch(wait).call } rescue $!.class }
        check("timeout", role, wait, timed.call, Timeout::Error)
        check("timeout in a thread", role, wait, Thread.new(&timed).value, Timeout::Error)
      end
      finish
    RUBY
  end

  it "by Thread#raise and Thread#kill" do
    scenarios(<<~'RUBY')
      each_scenario do |role, wait|
        got = Thread.new { ending(wait, ->(victim) { victim.raise(IOError, "out") }) }.value
        check("raise", role, wait, got, IOError)
        unwound = false
        victim = Thread.new do
          WAITS.fetch(wait).call
        ensure
          unwound = true
        end
        asleep(victim)
        victim.kill.join
        check("kill", role, wait, unwound, true)
      end
      finish
    RUBY
  end

  it "but not while they are masked" do
    scenarios(<<~'RUBY')
      answered = nil
      victim = Thread.new do
        Thread.handle_interrupt(IOError => :never) do
          CLIENT.submit_job("nobody-does-this", "", timeout: 0.3).wait
          answered = CLIENT.echo("masked").value
        end
      rescue IOError
        :raised
      end
      asleep(victim)
      cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
      victim.raise(IOError)
      check("masked", nil, nil, [victim.value, answered], [:raised, "masked"])
      spent = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - cpu
      puts "it span for #{spent} s" if spent > 0.25
      finish
    RUBY
  end

  # Fails when a call that a signal ended is taken for one that failed.
  it "by hundreds of signals, which only set a flag: each answer is right" do
    scenarios(<<~'RUBY')
      caught = asked = 0
      trap("USR1") { caught += 1 }
      storm = Thread.new { loop { Process.kill(:USR1, $$) && sleep(0.0005) } }
      until caught >= 500 && asked >= 2000
        asked += 1
        text = "#{asked} #{"x" * (asked % 5000)}"
        check("storm", nil, asked, CLIENT.echo(text).value(20), text)
      end
      storm.kill.join
      check("storm", nil, nil, CLIENT.stats[:reconnects], 0)
      finish
    RUBY
  end

  # Fails when anything on the way of `stop`, `post` or `value` takes a Mutex.
  it "lets a trap handler stop, post, submit and wait" do
    output, = child(<<~'RUBY')
      shared = client
      trap("USR1") { LOOP.post { puts "posted" } }
      trap("USR2") { puts shared.echo("from a trap").value; LOOP.stop }
      Thread.new { asleep(Thread.main); Process.kill(:USR1, $$); sleep(0.1); Process.kill(:USR2, $$) }
      puts LOOP.run(30)
    RUBY
    expect(output).to eq("posted\nfrom a trap\ntrue\n")
  end

  it "ends a process whose threads all wait" do
    output, status = child(<<~'RUBY') { |pid| Process.kill("TERM", pid) }
      shared = client
      threads = Array.new(4) { Thread.new { never(shared).value } } + [Thread.new { LOOP.run }]
      threads.each { |thread| asleep(thread) }
      puts "ready"
      never(shared).value
    RUBY
    expect([output, status.termsig]).to eq(["ready\n", Signal.list["TERM"]])
      .or match([/\Aready\n.*SIGTERM/m, Signal.list["TERM"]])
  end
end
