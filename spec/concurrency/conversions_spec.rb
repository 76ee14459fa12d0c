# frozen_string_literal: true

require "timeout"

# The value of a Task is made by a coder, on whatever thread drives.
RSpec.describe "Values that are made" do
  let(:name) { function }
  let(:client) { client_for(shared_server) }

  before do
    server = EVGearman::Worker.new(url: shared_server.url, loop: keep_started)
    server.register_function(name, &:workload).work
  end

  # A worker on a loop of its own, so that the example's loop is driven by nobody but the example.
  def keep_started = @serving = EVGearman::Loop.new.start

  after { @serving.close }

  def coder(&load)
    Class.new do
      def dump(value) = value
      define_method(:load, &load)
    end.new
  end

  # A thread that drives, for something that does not come, until it is left; answers how it was.
  def driver
    Thread.new do
      catch(:out) { client.submit_job("nobody-does-this", "", timeout: 60).wait }
    rescue Exception => e # rubocop:disable Lint/RescueException -- any is what is to be seen
      e.class
    end
  end

  # A Task whose value is being made by another thread than those who wait for it.
  def under_way(&load)
    begun = Queue.new
    turns = 0
    mine = coder { |bytes| (turns += 1) == 1 ? begun.push(true) && load.call : "#{bytes} at last" }
    driving = driver
    sleep(0.001) until client.loop.running?
    task = client.submit_job(name, "made", coder: mine)
    begun.pop
    [driving, task]
  end

  # Fails when one caller's interrupt is another's failure.
  { "is interrupted" => ->(thread) { thread.raise(Interrupt) }, "is killed" => :kill.to_proc }.each do |how, end_it|
    it "are made by another thread when the first one #{how}" do
      driving, task = under_way { sleep }
      end_it.call(driving)
      expect(task.value(Examples::PATIENCE)).to eq("made at last")
      expect(driving.value).to be(how == "is killed" ? nil : Interrupt)
    end
  end

  it "are not that of an interrupt which is a StandardError: that ends the one whom it was meant for, behind them" do
    done = false
    driving, task = under_way { Thread.pass until done } # what waits for nothing
    driving.raise(KeyError)
    done = true
    expect(driving.value).to be(KeyError)
    expect(task.value(Examples::PATIENCE)).to be_nil
    expect(callback_errors).to be_empty
  end

  it "may take time out themselves" do
    mine = coder { |bytes| Timeout.timeout(0.01) { sleep } rescue "#{bytes}: #{$!.class}" }
    expect(client.call(name, "x", coder: mine)).to eq("x: Timeout::Error")
  end

  # Fails when it leaves through whoever drives.
  [NotImplementedError, LoadError, SecurityError, NoMemoryError, SystemStackError].each do |kind|
    it "end in #{kind} for who asked, and for nobody else" do
      task = client.submit_job(name, "x", coder: coder { |_| raise kind, "no such value" })
      eventually { task.done? }
      expect { task.value }.to raise_error(kind, "no such value")
      expect(callback_errors).to be_empty
    end
  end

  # Fails when a coder keeps a loop from ever getting on.
  it "are given up when each thread that makes them is left" do
    out = Class.new(Exception) # rubocop:disable Lint/InheritException -- neither an error nor the end of the process
    task = client.submit_job(name, "x", coder: coder { |_| raise out })
    left = 0
    begin
      task.wait(Examples::PATIENCE)
    rescue out
      (left += 1) < 100 and retry
    end
    expect([left, task.error && short(task.error)]).to eq([21, "interrupted while its value was made"])
  end

  # Fails when the one who makes it is not in the child, and nobody else does.
  it "are not made in a forked child, while another thread of its parent is at it" do
    driving, task = under_way { sleep }
    expect(forked { task.wait(10)&.error.class.name }).to eq("EVGearman::ForkedError")
    driving.kill
    expect(task.value(Examples::PATIENCE)).to eq("made at last")
  end
end
