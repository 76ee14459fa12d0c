# frozen_string_literal: true

# Whoever happens to drive makes them; nothing of that one may stay in them.
RSpec.describe "Threads of the gem" do
  let(:name) { function }
  let(:loop) { EVGearman::Loop.new }
  let(:client) { keep(EVGearman::Client.new(url: shared_server.url, loop: loop)) }
  let(:told) { [] }

  after { loop.close }

  # The handler runs on a thread that the block's thread makes, by waiting; answers what it said.
  def by_pool(handler)
    @worker = keep(EVGearman::Worker.new(url: shared_server.url, loop: loop, concurrency: 2,
                                         on_callback_error: ->(error, _) { told << error }))
    @worker.register_function(name, &handler).work
    client.call(name, "", timeout: Examples::PATIENCE)
  end

  # What the block answers on the loop's thread.
  def by_loop(&block)
    answers = Queue.new
    loop.start.post { answers << block.call }
    answers.pop
  end

  def masked(&block) = Thread.new { Thread.handle_interrupt(Object => :never, &block) }.value

  # Does an error from outside reach the thread that calls it?
  def interrupted?
    Thread.new(Thread.current) { |thread| thread.raise(IOError) }
    sleep(5)
    false
  rescue IOError
    true
  end

  it "are interrupted as any, though who made them may not be" do
    expect(masked { by_pool(->(_) { interrupted?.to_s }) }).to eq("true")
    expect(masked { by_loop { interrupted? } }).to be(true)
  end

  it "end, though who made them may not be ended" do
    threads = masked do
      seen = nil
      by_pool(->(_) { (seen = Thread.current) && nil })
      [seen, by_loop { Thread.current }]
    end
    expect(threads.map(&:name)).to eq(["evgearman job", "evgearman loop"])
    threads.each { |thread| expect(thread.kill.join(Examples::PATIENCE)).to be(thread) }
  end

  it "have no context of who made them, where Ruby has one that is inherited" do
    skip("no fiber storage before Ruby 3.2") unless Fiber.respond_to?(:[])
    seen = Thread.new do
      Fiber[:tenant] = "A"
      [by_pool(->(_) { Fiber[:tenant].inspect }), by_loop { Fiber[:tenant] }, Fiber[:tenant]]
    end
    expect(seen.value).to eq(["nil", nil, "A"])
  end

  it "are of no group and no priority" do
    seen = []
    maker = Thread.new do
      ThreadGroup.new.add(Thread.current)
      Thread.current.priority = -2
      by_pool(->(_) { (seen << Thread.current.group << Thread.current.priority) && nil })
      by_loop { seen << Thread.current.group << Thread.current.priority }
    end
    maker.join
    expect(seen).to eq([ThreadGroup::Default, 0] * 2)
  end

  # Fails when one dies because it may not leave that: nobody runs what it was made for.
  it "are made in a group that is enclosed, too, and stay in it" do
    seen = []
    group = ThreadGroup.new
    maker = Thread.new do
      group.add(Thread.current).enclose
      by_pool(->(_) { (seen << Thread.current.group) && nil })
      by_loop { seen << Thread.current.group }
    end
    expect(maker.join(Examples::PATIENCE)).to be(maker)
    expect(seen).to eq([group] * 2)
  end

  # Fails when one dies because it may not come in. Nothing opens that group again, so it is in a process of its own.
  it "are made beside a default group that is enclosed" do
    output, status = child(<<~'RUBY')
      worker = EVGearman::Worker.new(url: URL, loop: LOOP, concurrency: 2)
      worker.register_function("enclosed-#{$$}") { Thread.current.name }.work
      call = -> { client.call("enclosed-#{$$}", "", timeout: 20) }
      maker = Thread.new do
        ThreadGroup.new.add(Thread.current)
        ThreadGroup::Default.enclose
        call.call
      end
      puts maker.value, call.call
      exit!(0)
    RUBY
    expect([output, status.exitstatus]).to eq(["evgearman job\n" * 2, 0])
  end

  # Puma warns before it forks of threads that do not say so.
  it "say that they are fork-safe" do
    threads = []
    by_pool(->(_) { (threads << Thread.current) && nil })
    by_loop { threads << Thread.current }
    expect(threads.map { |thread| thread.thread_variable_get(:fork_safe) }).to eq([true, true])
  end

  # Fails when another thread may come between the look for a thread and its making.
  it "are one for each loop, from however many threads it is started" do
    go = Queue.new
    starters = Array.new(20) { Thread.new { go.pop && loop.start } }
    allow(Thread).to receive(:new).and_wrap_original { |make, *args, &block| sleep(0.01) && make.call(*args, &block) }
    20.times { go << true }
    starters.each(&:join)
    expect(Thread).to have_received(:new).once
    expect(by_loop { Thread.current.name }).to eq("evgearman loop")
  end

  # Fails when the job waits for a thread that nobody makes.
  it "are done without when none can be made" do
    allow(Thread).to receive(:new).and_raise(ThreadError, "can't create Thread: Resource temporarily unavailable")
    expect(by_pool(->(_) { Thread.current.inspect })).to eq(Thread.current.inspect)
    expect(told.map(&:class)).to eq([ThreadError])
    expect(@worker.busy_count).to eq(0)
    allow(Thread).to receive(:new).and_call_original
    expect(client.call(name, "", timeout: Examples::PATIENCE)).not_to eq(Thread.current.inspect)
    expect { loop.start }.not_to raise_error
  end

  it "are asked for again, by somebody else, when the one who did was interrupted" do
    expect(by_pool(->(job) { job.workload.upcase })).to eq("")
    pool = @worker.instance_variable_get(:@pool)
    %i[jobs attend].each do |step|
      interrupts = [Interrupt]
      allow(pool).to receive(step).and_wrap_original { |method| interrupts.empty? ? method.call : raise(interrupts.pop) }
      task = client.submit_job(name, "done", timeout: Examples::PATIENCE)
      expect { task.value }.to raise_error(Interrupt)
      expect(task.value).to eq("DONE")
    end
    expect(@worker.send(:_jobs_finished)).to eq(3)
  end
end
