# frozen_string_literal: true

# What things cost, as numbers: bytes moved, bytes looked at, comparisons, memory.
RSpec.describe "The cost of" do
  # Fails when the handles of jobs are kept in a list: let every hash in base/table.c be the same.
  it "a result does not depend on how many jobs are under way, or on the order they end in" do
    count = 10_000
    server = fake_server do |peer|
      count.times { |n| peer.expect(:submit_job) && peer.send(:job_created, "H:vm:#{n}") }
      peer.expect(:echo_req)
      ends = (0...count).to_a.shuffle(random: Random.new(1)).map do |n|
        EVGearman::Protocol.encode(:work_complete, "H:vm:#{n}", n.to_s, magic: :res)
      end
      ends.each_slice(1000) { |slice| peer.write(slice.join) }
    end
    compared = counting_child(<<~RUBY, url: server.url)
      made = client(command_timeout: nil)
      wrong = 0
      tasks = Array.new(#{count}) { |n| made.submit_job("f") { |result, _| wrong += 1 if result != n.to_s } }
      LOOP.run_once(1) until made.active_count == #{count}
      made.echo("all are there")
      puts growth(:comparisons) { LOOP.run_once(1) until made.active_count == 0 }
      abort "\#{wrong} wrong results" unless wrong == 0
    RUBY
    expect(compared.to_i).to be < 10 * count
  end

  # Fails when the buffer is moved down for each packet: call `slide` in evg_buffer_consume.
  it "small events is the same after a large one: each byte is moved a few times" do
    events = 20_000
    server = fake_server do |peer|
      peer.expect(:submit_job)
      peer.send(:job_created, "H:1")
      peer.send(:work_data, "H:1", "x" * 4_000_000)
      small = EVGearman::Protocol.encode(:work_data, "H:1", "x", magic: :res)
      (events / 1000).times { peer.write(small * 1000) }
      peer.send(:work_complete, "H:1", "")
    end
    moved = counting_child(<<~RUBY, url: server.url).to_i
      seen = 0
      job = client.submit_job("f", on_data: ->(_) { seen += 1 })
      puts growth(:bytes_moved) { LOOP.run_once(1) until job.done? }
      abort seen.to_s unless seen == #{events + 1}
    RUBY
    expect(moved).to be < 3 * (4_000_000 + (events * 100))
  end

  # Fails when a request moves what waits before it: call `slide` in evg_buffer_reserve whatever there is to gain.
  it "a request does not depend on how much waits to be written" do
    server = fake_server { |peer| peer.skip_to(:submit_job_bg) && peer.stall }
    moved, sent = counting_child(<<~RUBY, url: server.url).split.map(&:to_i)
      made = client(max_unsent: 1 << 30, command_timeout: nil)
      made.connect
      LOOP.run_once(1) until made.connected?
      made.submit_job_bg("f", "x")
      large = "x" * (16 << 20)
      made.submit_job_bg("f", large)
      sent = 0
      20.times { LOOP.run_once(0.01) } # some of it is written
      puts growth(:bytes_moved) { sent = growth(:sends) { 1000.times { made.submit_job_bg("f", "small"); LOOP.run_once(0) } } }
      puts sent
      exit!(made.stats[:bytes_out] > 100_000 && made.unsent_bytes > (8 << 20) ? 0 : 1)
    RUBY
    expect(moved).to be < 8 * 1024 * 1024
    expect(sent).to be < 1100
  end

  # Fails when all of it waits for the turn, and client and server work in turns; or when each request is a call of its own.
  it "requests go out together, and from where they are made when much waits" do
    client = client_for(fake_server(&:answer_echoes))
    client.echo("x").value
    written = -> { client.stats[:bytes_out] }
    before = written.call
    client.submit_job_bg("f", "x" * 1000)
    expect(written.call).to eq(before)
    client.submit_job_bg("f", "x" * 16_384)
    expect(written.call - before).to be > 17_384
  end

  # Fails when the answer to a text command is searched from its beginning with each piece: set `scanned` to `line` in
  # evg_admin_decode before it looks.
  it "a long text is a look at each byte, once, and it is cut off" do
    limit = 16 << 20
    server = fake_server do |peer|
      peer.expect(:text)
      peer.write("#{"x" * 99}\n" * 1000)
      nil while peer.write("x" * 10_000)
    end
    searched, grown, error = counting_child(<<~RUBY, url: server.url).lines.map(&:chomp)
      made = client(max_text: #{limit}, reconnect: false, on_error: ->(_) {})
      before = rss
      task = nil
      puts growth(:bytes_searched) { task = made.admin("status").wait(30) }
      puts most_rss - before
      puts task.error.class
      exit!(0)
    RUBY
    expect(error).to eq("EVGearman::DisconnectedError")
    expect(searched.to_i).to be_between(limit, 2 * limit)
    expect(grown.to_i).to be < 5 * limit
  end

  # Fails when something of each job is left: say, when its number stays in client->on_lost (forget_on_lost), or when the
  # worker's list `held` keeps it.
  it "a job is nothing once it is over: memory and objects of a worker do not grow" do
    grown, jobs, tasks = counting_child(<<~RUBY).split.map(&:to_i)
      worker = EVGearman::Worker.new(url: URL, loop: LOOP, prefetch: 8)
      worker.register_function("leak-#{Process.pid}") { |job| job.on_lost { nil }.workload }
      worker.work
      made = client
      payload = "x" * 10_000
      round = lambda do |count|
        left = count
        ask = -> { made.submit_job("leak-#{Process.pid}", payload) { (left -= 1) >= 64 && ask.call } }
        64.times { ask.call }
        LOOP.run_once(1) until left <= 0
        GC.start
      end
      round.call(4000)
      before = rss
      round.call(12_000)
      puts rss - before
      puts ObjectSpace.each_object(EVGearman::Job).count, ObjectSpace.each_object(EVGearman::Task).count
    RUBY
    expect(grown).to be < 50_000_000 # 12,000 payloads are 120 MB
    expect([jobs, tasks]).to all(be < 500)
  end

  # Fails when requests are taken without limit: remove the question of `admit` in session/exchange.c.
  it "a server that reads nothing is bounded: requests are refused, and memory with them" do
    server = fake_server(&:stall)
    taken, unsent, grown = counting_child(<<~RUBY, url: server.url).split.map(&:to_i)
      made = client(max_unsent: 4 << 20, command_timeout: nil)
      made.connect
      LOOP.run_once(1) until made.connected?
      before = rss
      taken = 0
      begin
        200_000.times do
          made.submit_job_bg("f", "x" * 1000)
          LOOP.run_once(0) if ((taken += 1) % 100).zero?
        end
      rescue EVGearman::BackpressureError
        puts taken, made.unsent_bytes, rss - before
      end
      exit!(0)
    RUBY
    expect(taken).to be_between(4000, 100_000)
    expect(unsent).to be_between(4 << 20, (4 << 20) + 1100)
    expect(grown).to be < 100 << 20
  end

  # Fails when room is made for what a header announces: return `lacks` in evg_wire_appetite.
  it "a length that a server only announces is nothing" do
    server = fake_server do |peer|
      peer.expect(:echo_req)
      peer.write("\0RES\0\0\0\x11\x0F\xFF\xFF\xFF".b)
      peer.write("x" * 100_000)
    end
    client = client_for(server, command_timeout: nil)
    task = client.echo("x")
    eventually { client.stats[:bytes_in] > 100_000 }
    expect(client.stats[:read_capacity]).to be < 1 << 20
    client.disconnect
    expect(task).to be_done
  end

  # Fails when large room is kept for ever: drop the trim in `evg_wire_consume` of session/wire.h.
  it "a large job is given back on both ends" do
    name = function
    payload = Random.new(5).bytes(16 << 20)
    worker = worker_for(shared_server).register_function(name, &:workload).work
    client = client_for(shared_server)
    expect(client.call(name, payload) == payload).to be(true)
    eventually do
      [client, worker].all? { |end_| end_.stats.values_at(:read_capacity, :write_capacity).all? { |size| size <= 16 * 1024 } }
    end
  end
end
