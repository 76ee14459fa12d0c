# frozen_string_literal: true

RSpec.describe EVGearman::Client do
  describe "making requests" do
    let(:client) { client_for(shared_server) }
    let(:name) { function }

    # A worker on the same loop: whoever waits for a result runs it.
    def serve(name, **options, &handler)
      worker_for(shared_server, **options).register_function(name, &handler).work
    end

    describe "#echo" do
      it "resolves with the same bytes" do
        expect(client.echo("hello").value).to eq("hello")
      end

      it "tells a block the value and no error" do
        seen = []
        client.echo("x") { |*args| seen << args }.wait
        expect(seen).to eq([["x", nil]])
      end

      it "is never answered inside the call that asks" do
        seen = []
        client.echo("first").value
        client.echo("second") { |value| seen << value }
        expect(seen).to be_empty
      end

      it "answers in the order of the questions" do
        seen = []
        tasks = Array.new(1000) { |n| client.echo(n.to_s) { |value| seen << value } }
        tasks.last.value
        expect(seen).to eq((0...1000).map(&:to_s))
      end

      it "is a barrier: what was sent before has been taken in" do
        client.submit_job_bg(name, "x")
        client.echo("").value
        expect(shared_server.status(name)).to eq([1, 0, 0])
      end
    end

    describe "#ping" do
      it "answers how many seconds it took" do
        expect(client.ping).to be_a(Float).and be_between(0, 30)
        expect(client.ping(nil)).to be_a(Float)
        expect { client_for(fake_server).ping(0) }.to raise_error(EVGearman::TimeoutError)
      end
    end

    describe "#call" do
      it "waits for the result" do
        serve(name) { |job| job.workload.reverse }
        expect(client.call(name, "hello")).to eq("olleh")
      end

      it "raises what went wrong" do
        serve(name) { |job| job.fail }
        expect { client.call(name) }.to raise_error(EVGearman::JobFailedError, /\Ajob failed/)
      end

      it "gives up after its timeout, and the connection is left alone" do
        expect { client.call(name, timeout: 0.05) }.to raise_error(EVGearman::JobTimeoutError, /\Ajob timeout/) { |error|
          expect(error.delivery).to eq(:accepted)
        }
        expect(client.echo("still here").value).to eq("still here")
        expect(client.stats[:reconnects]).to eq(0)
        expect(errors).to be_empty
      end
    end

    describe "a payload" do
      before { serve(name) { |job| job.workload } }

      {
        "empty" => "", "one NUL" => "\0", "NULs within and behind" => "a\0b\0\0", "nothing but NULs" => "\0" * 50_000,
        "all 256 bytes" => (0..255).to_a.pack("C*"), "random bytes" => Random.new(1).bytes(1000),
        "what looks like a packet" => "\0RES\0\0\0\x08\0\0\0\0".b
      }.each do |shape, payload|
        it "comes back as it was sent: #{shape}" do
          expect(client.call(name, payload)).to eq(payload.b)
        end
      end

      it "comes back as bytes, whatever its encoding was" do
        result = client.call(name, "äöü")
        expect(result.encoding).to eq(Encoding::BINARY)
        expect(result.bytes).to eq("äöü".bytes)
      end

      it "may be 8 MiB" do
        payload = Random.new(2).bytes(8 * 1024 * 1024)
        expect(client.call(name, payload)).to eq(payload)
      end

      it "gives large buffers back" do
        client.call(name, "x" * 16 * 1024 * 1024)
        eventually { client.stats.values_at(:read_capacity, :write_capacity).all? { |size| size <= 64 * 1024 } }
      end

      it "is copied before the call returns" do
        payload = +"before"
        task = client.submit_job(name, payload)
        payload.replace("behind")
        expect(task.value).to eq("before")
      end

      it "may be anything that turns into a String" do
        expect(client.call(name, Struct.new(:to_str).new("like a string"))).to eq("like a string")
      end

      it "is empty when there is none" do
        expect(client.call(name)).to eq("")
      end
    end

    it "gives each of 5,000 pipelined jobs its own answer" do
      serve(name, prefetch: 16) { |job| "answer to #{job.workload}" }
      seen = {}
      tasks = Array.new(5000) { |n| client.submit_job(name, n.to_s) { |result, _| seen[n] = result } }
      tasks.each(&:wait)
      expect(seen).to eq((0...5000).to_h { |n| [n, "answer to #{n}"] })
    end

    it "gives each its own answer when jobs end in another order than they began" do
      held = []
      worker_for(shared_server, prefetch: 63).register_function(name, async: true) { |job| held << job }.work
      tasks = Array.new(64) { |n| client.submit_job(name, n.to_s) }
      eventually { held.size == 64 }
      held.shuffle(random: Random.new(3)).each { |job| job.complete("answer to #{job.workload}") }
      expect(tasks.map(&:value)).to eq(Array.new(64) { |n| "answer to #{n}" })
    end

    describe "progress" do
      it "is told in order, before the result" do
        serve(name) do |job|
          job.send_data("one")
          job.status(1, 2)
          job.warning("careful")
          job.send_data("two\0")
          job.status(2, 2)
          "end"
        end
        seen = []
        task = client.submit_job(name, on_data: ->(bytes) { seen << [:data, bytes] },
                                       on_warning: ->(bytes) { seen << [:warning, bytes] },
                                       on_status: ->(*numbers) { seen << [:status, *numbers] }) { |result| seen << result }
        task.wait
        expect(seen).to eq([[:data, "one"], [:status, "1", "2"], [:warning, "careful"], [:data, "two\0"],
                            [:status, "2", "2"], "end"])
        expect(task.progress).to eq([2, 2])
      end

      it "comes in full: 5,000 chunks" do
        serve(name) { |job| 5000.times { |n| job.send_data(n.to_s) } && "end" }
        seen = []
        expect(client.call(name, on_data: ->(bytes) { seen << bytes })).to eq("end")
        expect(seen).to eq((0...5000).map(&:to_s))
      end

      it "is not mixed up between jobs" do
        held = []
        worker_for(shared_server, prefetch: 19).register_function(name, async: true) { |job| held << job }.work
        seen = Hash.new { |hash, key| hash[key] = [] }
        tasks = Array.new(20) { |n| client.submit_job(name, n.to_s, on_data: ->(bytes) { seen[n.to_s] << bytes }) }
        eventually { held.size == 20 }
        3.times { |round| held.each { |job| job.send_data("#{job.workload}:#{round}") } }
        held.each(&:complete)
        tasks.each(&:value)
        expect(seen).to eq((0...20).to_h { |n| [n.to_s, Array.new(3) { |round| "#{n}:#{round}" }] })
      end
    end

    describe "an exception of the worker" do
      it "is told before the failure, with its message" do
        serve(name, on_callback_error: proc {}) { raise ArgumentError, "no such thing" }
        seen = []
        task = client.submit_job(name, on_exception: ->(bytes) { seen << bytes }) { |_, error| seen << error }
        task.wait
        expect(seen).to eq(["no such thing", task.error])
        expect(task.error).to be_a(EVGearman::JobExceptionError)
        expect(task.error).to have_attributes(message: /\Aexception/, data: "no such thing", delivery: :running,
                                              handle: task.handle)
      end

      it "is a failure to a client that does not ask for exceptions" do
        serve(name, on_callback_error: proc {}) { raise "no such thing" }
        plain = client_for(shared_server, exceptions: false)
        expect { plain.call(name) }.to raise_error(EVGearman::JobFailedError)
      end
    end

    describe "a background job" do
      it "is known by its handle, and nothing more is heard of it" do
        handle = client.enqueue(name, "x")
        expect(handle).to match(/\AH:.+:\d+\z/)
        expect(handle.encoding).to eq(Encoding::UTF_8)
        expect(client.active_count).to eq(0)
      end

      it "is run" do
        seen = []
        client.enqueue(name, "in the background")
        serve(name) { |job| seen << job.workload && nil }
        expect(eventually { seen.first }).to eq("in the background")
      end

      # The ancestor gave them none: fine in memory, one job in a queue on disk.
      it "has a key of its own, so that equal ones are not one" do
        handles = Array.new(1000) { client.submit_job_bg(name, "same") }.map(&:value)
        expect(handles.uniq.size).to eq(1000)
      end

      it "has the key it is given" do
        expect(client.enqueue(name, "1", unique: "key")).to eq(client.enqueue(name, "2", unique: "key"))
      end

      # Fails when one of the ways to make a job has a default of its own.
      it "has a key by default, unless the client was made to send none" do
        keys = [:auto, nil].map do |usual|
          client = client_for(shared_server, unique: usual)
          made = function
          %i[submit_job_bg submit_job_high_bg submit_job_low_bg].each { |kind| client.public_send(kind, made) }
          client.submit_job_epoch(made, "", 1)
          client.submit_jobs_bg([[made], [made, "", { priority: :low }], [made, "", { in: 0 }]])
          client.enqueue(made)
          client.enqueue(made, at: Time.at(1))
          client.enqueue(made, unique: "given")
          keys_of(made, 10)
        end
        expect(keys[0].uniq.size).to eq(10)
        expect(keys[1].tally).to eq(nil => 9, "given" => 1)
      end

      it "has a key when it is asked for, whatever the client does" do
        client = client_for(shared_server, unique: nil)
        client.enqueue(name, unique: :auto)
        client.submit_jobs_bg([[name, "", { unique: :auto }]])
        expect(keys_of(name, 2)).to all(match(/\h{16}-\d+/))
      end

      it "has no other default" do
        ["key", "", :default, true].each do |wrong|
          expect { client_for(shared_server, unique: wrong) }.to raise_error(ArgumentError, /\Aunique: /)
        end
      end

      def keys_of(function, count)
        keys = []
        worker_for(shared_server).register_function(function) { |job| keys << job.unique && nil }.work
        eventually { keys.size == count }
        keys
      end

      it "has no key when there is to be none" do
        uniques = []
        client.enqueue(name, unique: nil)
        client.enqueue(name, unique: "")
        serve(name) { |job| uniques << [job.unique] && nil }
        eventually { uniques.size == 2 }
        expect(uniques).to eq([[nil], [nil]])
      end

      it "has no use for a block about its progress" do
        expect { client.submit_job_bg(name, on_data: proc {}) }.to raise_error(ArgumentError)
      end
    end

    describe "jobs of one connection with one key" do
      # gearmand sends each event once per submission.
      it "are one job, and everybody hears everything once" do
        runs = 0
        tasks = %w[a b c].map { |workload| client.submit_job(name, workload, unique: "key") }
        heard = tasks.map { |task| [].tap { |list| task.on_data { |bytes| list << bytes } } }
        serve(name) do |job|
          runs += 1
          2.times { |n| job.send_data(n.to_s) }
          "result of #{job.workload}"
        end
        expect(tasks.map(&:value)).to eq(["result of a"] * 3)
        expect(heard).to eq([%w[0 1]] * 3)
        expect(runs).to eq(1)
        expect(tasks.map(&:handle).uniq.size).to eq(1)
      end

      it "have their workload as the key when that is \"-\"" do
        runs = []
        tasks = %w[a a b].map { |workload| client.submit_job(name, workload, unique: "-") }
        serve(name) { |job| runs << job.workload && job.workload }
        expect(tasks.map(&:value)).to eq(%w[a a b])
        expect(runs.sort).to eq(%w[a b])
      end

      it "leave the others alone when one gives up" do
        impatient = client.submit_job(name, "x", unique: "key", timeout: 0.05)
        patient = client.submit_job(name, "x", unique: "key")
        expect(impatient.wait.error).to be_a(EVGearman::JobTimeoutError)
        serve(name) { "result" }
        expect(patient.value).to eq("result")
        expect(client.echo("aligned").value).to eq("aligned")
      end
    end

    it "sends what a block submits behind what was submitted before" do
      order = []
      serve(name) { |job| order << job.workload && nil }
      client.echo("") { client.submit_job(name, "from a block") }
      client.submit_job(name, "before")
      eventually { order.size == 2 }
      expect(order).to eq(["before", "from a block"])
    end

    it "lets a block wait for another request" do
      serve(name) { |job| job.workload.upcase }
      inner = nil
      client.echo("x") { |value| inner = client.echo("#{value}y").value }.wait
      expect(inner).to eq("xy")
    end

    it "lets a block wait for a job" do
      other = function
      worker = worker_for(shared_server, loop: EVGearman::Loop.new)
      worker.register_function(other) { |job| job.workload.upcase }
      Thread.new { worker.run(signals: false) }
      inner = nil
      client.echo("x") { |value| inner = client.call(other, value) }.wait
      worker.stop
      expect(inner).to eq("X")
    end
  end

  describe "what it counts" do
    let(:client) { client_for(shared_server) }

    it "is nothing at first" do
      expect([client.pending_count, client.waiting_count, client.active_count, client.unsent_bytes]).to all(be_zero)
      expect(client.stats).to include(submitted: 0, resolved: 0, pending: 0, bytes_in: 0, bytes_out: 0, reconnects: 0)
    end

    it "tells requests that wait from those that are pending and jobs that are active" do
      client.submit_job(function)
      expect([client.waiting_count, client.pending_count, client.active_count]).to eq([1, 0, 0])
      eventually { client.active_count == 1 }
      expect([client.waiting_count, client.pending_count]).to eq([0, 0])
      expect(client.stats).to include(submitted: 1, resolved: 0, pending: 1)
    end

    it "says so of itself" do
      client.submit_job(function)
      expect(client.inspect).to match(/\A#<EVGearman::Client 127.0.0.1:\d+ connecting pending=1 active=0>\z/)
    end
  end

  describe "arguments" do
    # Nobody listens there: whatever is wrong has to be told without a server.
    let(:client) { keep(described_class.new(port: 1, loop: loop, on_error: proc {})) }

    after { expect(client.stats).to include(submitted: 0, packets_out: 0) }

    {
      "an empty function" => ["", ""], "a function of 513 bytes" => ["f" * 513, ""], "a NUL in the function" => ["a\0b", ""],
      "a newline in the function" => ["a\nb", ""], "an escape in the function" => ["a\eb", ""]
    }.each do |what, arguments|
      it "refuses #{what}" do
        expect { client.submit_job(*arguments) }.to raise_error(ArgumentError, /function must be/)
        expect { client.submit_job_bg(*arguments) }.to raise_error(ArgumentError, /function must be/)
        expect { client.call(*arguments) }.to raise_error(ArgumentError, /function must be/)
      end
    end

    it "refuses a key of 64 bytes, which a server cuts off, and one with a NUL" do
      expect { client.submit_job("f", unique: "u" * 64) }.to raise_error(ArgumentError, /unique must be/)
      expect { client.submit_job_bg("f", unique: "a\0b") }.to raise_error(ArgumentError, /unique must be/)
    end

    it "counts bytes, not characters" do
      expect { client.submit_job("f", unique: "ä" * 32) }.to raise_error(ArgumentError, /unique must be/)
    end

    [nil, 1, :symbol, Object.new].each do |thing|
      it "refuses #{thing.class} where bytes belong" do
        expect { client.submit_job(thing) }.to raise_error(TypeError)
        expect { client.submit_job("f", thing) }.to raise_error(TypeError)
        expect { client.echo(thing) }.to raise_error(TypeError)
        expect { client.submit_job("f", unique: thing || 1) }.to raise_error(TypeError)
      end
    end

    it "refuses a key that is a Symbol, but for :auto" do
      expect { client.submit_job("f", unique: :automatic) }.to raise_error(TypeError)
    end

    [-1, "1", :soon, Float::NAN, -0.1, Object.new].each do |time|
      it "refuses #{time.inspect[0, 12]} as a time" do
        expect { client.submit_job("f", timeout: time) }.to raise_error(ArgumentError)
        expect { client.call("f", timeout: time) }.to raise_error(ArgumentError)
      end
    end

    it "refuses an option that it does not know" do
      expect { client.submit_job("f", priority: :extreme, nonsense: 1) }.to raise_error(ArgumentError)
      expect { client.submit_job_bg("f", timeout: 1) }.to raise_error(ArgumentError)
      expect { client.enqueue("f", nonsense: 1) }.to raise_error(ArgumentError)
    end

    %i[on_data on_warning on_exception on_status].each do |option|
      it "refuses an #{option} that cannot be called, and submits nothing" do
        expect { client.submit_job("f", option => "nonsense") }.to raise_error(ArgumentError)
      end
    end

    it "refuses a packet above max_packet before it is sent" do
      small = keep(described_class.new(port: 1, loop: loop, max_packet: 100))
      expect { small.submit_job("f", "x" * 100) }.to raise_error(EVGearman::PacketTooLargeError, /\Apayload too large/)
      expect { small.echo("x" * 101) }.to raise_error(EVGearman::PacketTooLargeError, /\Apayload too large/)
      expect(small.stats[:submitted]).to eq(0)
    end
  end

  describe "a server that takes nothing" do
    it "is not flooded: requests are refused above max_unsent, and on_drain tells when to go on" do
      taken = Queue.new
      server = fake_server do |peer|
        taken.pop
        5.times { peer.send(:echo_res, peer.expect(:echo_req).first) }
      end
      drained = 0
      client = client_for(server, max_unsent: 1000, on_drain: -> { drained += 1 })
      tasks = Array.new(5) { client.echo("x" * 200) }
      expect { client.echo("one more") }.to raise_error(EVGearman::BackpressureError, /\Atoo many unsent bytes/)
      expect(client.unsent_bytes).to eq(5 * 212)
      taken << true
      tasks.each(&:value)
      expect(eventually { drained.positive? && drained }).to eq(1)
      expect(client.unsent_bytes).to eq(0)
    end

    it "takes one packet of any size while less than max_unsent waits" do
      client = client_for(fake_server { |peer| peer.send(:echo_res, peer.expect(:echo_req).first) }, max_unsent: 1000)
      expect(client.echo("x" * 100_000).value.bytesize).to eq(100_000)
    end
  end
end
