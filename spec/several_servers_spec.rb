# frozen_string_literal: true

require "socket"

RSpec.describe "A client of several servers" do
  let(:servers) { Array.new(3) { own_server } }
  let(:urls) { servers.map(&:url) }
  let(:name) { function }
  let(:quick) { { reconnect_delay: 0.01, reconnect_max_delay: 0.05 } }
  let(:client) { client_of(urls) }

  def client_of(urls, **options)
    keep(EVGearman::Client.new(servers: urls, loop: loop, **hooks, **quick, **options))
  end

  # At each server one that tells where it is.
  def serve(*some)
    some.each { |server| worker_for(server, **quick).register_function(name, &:server).work }
  end

  def away(*some)
    some.each(&:kill)
    eventually { some.all? { |server| !client.at(server.url).connected? } }
  end

  describe "knows them" do
    it "from an Array or a String, each once" do
      one = client_of(["a:1", "b", "gearman://a:1", "[::1]:3", "unix:///tmp/x"])
      expect(one.servers).to eq(%w[a:1 b:4730 [::1]:3 /tmp/x]).and be_frozen
      expect(client_of("a:1, b,,a:1").servers).to eq(%w[a:1 b:4730])
      expect(client_of("a:1").servers).to eq(%w[a:1])
      expect(one.server).to eq("a:1,b:4730,[::1]:3,/tmp/x")
    end

    it "and refuses what names none, or names it twice" do
      [[], "", " , "].each { |none| expect { client_of(none) }.to raise_error(ArgumentError, "servers: names none") }
      [{ host: "x" }, { port: 1 }, { path: "/x" }, { url: "x" }].each do |other|
        expect { client_of("a", **other) }.to raise_error(ArgumentError, /either servers:/)
      end
      expect { client_of(5) }.to raise_error(TypeError)
      expect { client_of("a", route: :nearest) }.to raise_error(ArgumentError, /route:/)
    end

    it "goes nowhere else" do
      expect { client.connect("elsewhere", 1) }.to raise_error(ArgumentError)
      expect { client.at(urls[0]).connect_unix("/x") }.to raise_error(ArgumentError)
    end

    it "and has them by one configuration" do
      output, = child(<<~'RUBY', prelude: "require 'evgearman'; ENV['GEARMAN_SERVERS'] = 'a:1,b:2'\n")
        p EVGearman.client.servers
        EVGearman.configure { |c| c.servers = "c,d"; c.route = :first }
        p EVGearman.client.servers
      RUBY
      expect(output).to eq(%(["a:1", "b:2"]\n["c:4730", "d:4730"]\n))
    end
  end

  describe "sends a job" do
    before { serve(*servers) }

    it "without a key to one after the other" do
      tasks = Array.new(6) { client.submit_job(name) }
      expect(tasks.map(&:value)).to eq(urls * 2)
      expect(tasks.map(&:server)).to eq(urls * 2)
    end

    it "with a key to the server that it meets, from any process and in any order of the list" do
      keys = Array.new(20) { |n| "key-#{n}" }
      here = keys.map { |key| client.call(name, unique: key) }
      there = Array.new(2) do
        forked { other = EVGearman::Client.new(servers: urls.shuffle); keys.map { |key| other.submit_job(name, unique: key).server } }
      end
      expect(there).to all(eq(here))
      expect(here.uniq).to match_array(urls)
      expect(client.submit_jobs_bg(keys.map { |key| [name, "", { unique: key }] }).value.size).to eq(20)
    end

    it "to the first of them that is there, when asked so" do
      client = client_of(urls, route: :first)
      expect(Array.new(3) { client.call(name) }).to eq([urls[0]] * 3)
    end

    it "where a route of yours says" do
      asked = []
      client = client_of(urls, route: ->(*given) { asked << given; given.last[1] })
      expect([client.call(name), client.call(name, unique: "k")]).to eq([urls[1]] * 2)
      expect(asked).to eq([[name, nil, urls], [name, "k", urls]])
    end

    it "not, when that route raises or answers none of them" do
      expect { client_of(urls, route: ->(*) { raise "oops" }).call(name) }.to raise_error("oops")
      expect { client_of(urls, route: ->(*) { "other" }).call(name) }.to raise_error(ArgumentError, /route/)
    end

    it "to that one whose client says so" do
      one = client.at(urls[2])
      expect(Array.new(4) { one.call(name) }).to eq([urls[2]] * 4)
      expect([one.servers, one.server, one.server_version.value]).to eq([[urls[2]], urls[2], client.at(urls[0]).server_version.value])
      expect { client.at("nowhere") }.to raise_error(ArgumentError, /none of the servers/)
      expect { one.close }.to raise_error(EVGearman::Error, /close the whole/)
      client.close
      expect(one).to be_closed
    end
  end

  describe "when one is away" do
    before { serve(*servers) }

    it "asks the others, and that one again when it is back" do
      client.ping
      away(servers[1])
      expect(Array.new(4) { client.call(name) }).to match_array(urls.values_at(0, 0, 2, 2))
      servers[1].restart
      client.at(urls[1]).ping # it is connected, and has said something
      expect(Array.new(3) { client.call(name) }).to match_array(urls)
    end

    it "meets one other with each key, and the usual one with those of others" do
      keys = Array.new(30) { |n| "key-#{n}" }
      before = keys.map { |key| client.call(name, unique: key) }
      away(servers[0])
      after = keys.map { |key| client.call(name, unique: key) }
      expect(after).not_to include(urls[0])
      expect(after.zip(before).reject { |_, was| was == urls[0] }.map { |is, was| is == was }).to all(be(true))
      expect(forked { keys.map { |key| EVGearman::Client.new(servers: urls.drop(1)).submit_job(name, unique: key).server } }).to eq(after)
    end

    it "moves what was not written, with its order, and tells where it went" do
      client = client_of(urls, route: :first)
      servers[0].kill
      tasks = Array.new(5) { |n| client.submit_job(name, n.to_s) }
      expect(tasks.map(&:server)).to eq([urls[0]] * 5)
      expect(tasks.map(&:value)).to eq([urls[1]] * 5)
      expect(tasks.map(&:server)).to eq([urls[1]] * 5)
    end

    it "shows a route of yours those that are not" do
      asked = []
      client = client_of(urls, route: ->(*given) { asked << given.last && given.last.last })
      servers[2].kill
      client.connect
      eventually { client.at(urls[0]).ping && client.at(urls[1]).ping && errors.any? }
      expect([client.call(name), asked]).to eq([urls[1], [urls.take(2)]])
    end

    # Fails when they are looked for where they were.
    it "takes back what has moved" do
      client = client_of(urls, route: :first)
      servers[0].kill
      servers.drop(1).each(&:freeze)
      tasks = client.submit_jobs_bg(Array.new(50) { |n| [name, n.to_s] })
      eventually { client.at(urls[1]).waiting_count == 50 }
      tasks.abandon
      expect(client.at(urls[1])).to have_attributes(waiting_count: 0, stats: include(submitted: 50, resolved: 50))
      servers[1].thaw
      expect([client.at(urls[1]).ping, client.at(urls[1]).server_status.value[name].total]).to match([Float, 0])
    end

    it "moves many at once" do
      client = client_of(urls, route: :first)
      servers[0].kill
      results = client.submit_jobs_bg(Array.new(50) { |n| [name, n.to_s] }).value
      expect(results).to all(be_a(String))
      expect(client.at(urls[1]).stats).to include(submitted: 50, resolved: 50)
    end

    it "never moves what was written" do
      client.at(urls[0]).ping
      servers[0].freeze
      task = client.at(urls[0]).submit_job(name)
      eventually { task.state == :sent }
      moved = Array.new(6) { client.submit_job(name) }
      servers[0].kill
      expect { task.value }.to raise_error(EVGearman::DisconnectedError) do |error|
        expect([error.delivery, error.server]).to eq([:unacknowledged, urls[0]])
      end
      moved.each(&:wait)
      expect(moved.map(&:error).compact.map(&:server).uniq - [urls[0]]).to be_empty
    end

    it "waits when all are, and goes with whichever is back first" do
      client.ping
      away(*servers)
      tasks = Array.new(4) { |n| client.submit_job(name, n.to_s, unique: "key-#{n}") }
      serve(servers[2].tap(&:restart))
      expect(tasks.map(&:value)).to eq([urls[2]] * 4)
    end

    it "ends what waits when there is no hope for any" do
      client = client_of(urls, reconnect: false)
      servers.each(&:kill)
      tasks = Array.new(4) { client.submit_job(name) }
      tasks.each(&:wait)
      expect(tasks.map(&:error)).to all(be_a(EVGearman::ConnectionError).and(have_attributes(delivery: :not_sent)))
    end

    # Fails when only the first of its route is tried.
    [:spread, :first, ->(_, _, servers) { servers.first }].each do |route|
      it "and nothing reconnects, finds the one that is back (route: #{route.is_a?(Proc) ? "callable" : route})" do
        client = client_of(urls, reconnect: false, route: route)
        servers.each(&:kill)
        expect { client.enqueue(name, "x") }.to raise_error(EVGearman::ConnectError)
        servers.last.restart
        4.times { expect(client.submit_job_bg(name, "x").tap(&:value).server).to eq(urls.last) }
      end
    end
  end

  # Each costs connect_timeout once, and the deadlines below are far longer than that.
  describe "beside one that" do
    let(:good) { servers.take(2) }
    let(:client) { client_of([bad, *good.map(&:url)], connect_timeout: 0.2) }

    before { serve(*good) }

    def expect_no_harm
      expect(Array.new(6) { client.submit_job(name) }.map(&:value)).to all(be_in(good.map(&:url)))
      eventually { errors.any? { |error| error.server == client.servers.first } }
      tasks = Array.new(20) { |n| client.submit_job(name, unique: ("key-#{n}" if n.odd?)) }
      expect(tasks.map(&:server)).to all(be_in(good.map(&:url)))
      expect(tasks.map(&:value)).to eq(tasks.map(&:server))
      expect(client.server_status.value.errors.keys).to eq([client.servers.first])
      expect(client.ping).to be < 30
    end

    def be_in(list) = satisfy("be one of #{list}") { |one| list.include?(one) }

    context "refuses" do
      let(:bad) { TCPServer.open("127.0.0.1", 0) { |socket| "127.0.0.1:#{socket.addr[1]}" } }

      it("does without it") { expect_no_harm }
    end

    context "does not resolve" do
      let(:bad) { "nowhere.invalid" }

      it("does without it") { expect_no_harm }
    end

    context "accepts and says nothing" do
      let(:bad) { fake_server(prologue: false, &:stall).url }

      it "does without it, however often it accepts" do
        expect_no_harm
        eventually { client.at(client.servers.first).stats[:reconnects] > 1 }
        expect_no_harm
      end
    end

    context "is a black hole" do
      let(:hole) { Socket.new(:INET, :STREAM).tap { |it| it.bind(Addrinfo.tcp("127.0.0.1", 0)) && it.listen(0) } }
      let(:bad) { "127.0.0.1:#{hole.local_address.ip_port}" }

      # Its queue is full: who comes now is not answered.
      before { @queue = Array.new(3) { Socket.new(:INET, :STREAM).tap { |it| it.connect_nonblock(hole.local_address, exception: false) } } }
      after { [hole, *@queue].each(&:close) }

      it("does without it") { expect_no_harm }
    end
  end

  describe "asks all of them" do
    it "for rows, which are put together, and summed by function" do
      client.submit_jobs_bg(Array.new(6) { |n| [name, n.to_s, { unique: "u#{n}" }] }).value
      serve(*servers.take(1)) and client.at(urls[0]).ping
      eventually { client.jobs.value.none? { |job| job.server == urls[0] } } # all that are there are done
      status = client.server_status.value
      expect(status[name].to_a.first(2)).to eq([name, status.by_server.values.sum { |rows| rows[name]&.total.to_i }])
      expect(status.by_server.keys).to eq(urls)
      expect(client.priority_status.value[name].server).to be_nil
      expect(client.unique_jobs.value.size).to eq(client.jobs.value.size)
      expect(client.server_workers.value.map(&:server).uniq).to eq(urls)
    end

    it "and is told by those that are there" do
      client.ping
      away(servers[1])
      rows = client.server_workers.value
      expect(rows.map(&:server).uniq).to eq(urls.values_at(0, 2))
      expect(rows.errors).to match(urls[1] => an_instance_of(EVGearman::DisconnectedError))
      expect([client.echo("x").value, client.option("exceptions").value, client.maxqueue(name, 5).value]).to eq(["x", true, true])
    end

    # Fails when the refusal stands where another's answer is to be.
    it "and does without one that could not be asked" do
      client = client_of(urls, max_unsent: 500)
      servers[1].freeze
      client.at(urls[1]).submit_job_bg(name, "x" * 600)
      expect(client.echo("x").value(Examples::PATIENCE)).to eq("x")
      servers[1].thaw
    end

    it "or fails when none is" do
      client = client_of(urls, command_timeout: 0.1)
      servers.each(&:kill)
      expect(client.server_status.wait.error).to be_a(EVGearman::Error)
      expect(client.echo("x").wait.error).to be_a(EVGearman::Error)
    end

    it "what each has to know" do
      client.set_client_id("everywhere")
      client.create_function(name).value
      expect(client.server_status.value.by_server.values.map { |rows| rows[name] }).to all(be_a(Struct))
      expect(client.server_workers.value.to_h["everywhere"].map(&:server)).to eq(urls)
      expect([client.drop_function(name).value, client.server_status.value[name]]).to eq([true, nil])
    end

    it "and says which is for one alone" do
      refused = [-> { client.server_version }, -> { client.server_pid }, -> { client.server_verbosity },
                 -> { client.shutdown_server }, -> { client.admin("version") }, -> { client.cancel_job("H:x:1") }]
      refused.each { |call| expect(&call).to raise_error(ArgumentError, /at\(server\)/) }
    end
  end

  describe "finds a job" do
    it "with the server of its Task, or with any by its handle or key" do
      tasks = Array.new(3) { |n| client.submit_job_bg(name, unique: "u#{n}").tap(&:wait) }
      expect(tasks.map { |task| client.get_status(task).value }.map { |status| [status.known?, status.server] })
        .to eq(tasks.map { |task| [true, task.server] })
      expect(client.get_status_unique("u2").value).to have_attributes(known?: true, server: tasks[2].server)
      expect(client.get_status("H:nowhere:1").value).to have_attributes(known?: false, server: nil)
      expect(client.cancel_job(tasks[1]).value).to be(true)
      expect(client.get_status(tasks[1]).value).not_to be_known
    end
  end

  describe "is one object" do
    before { serve(*servers) }

    it "whose numbers are sums, and whose state is the best" do
      expect([client.state, client.connected?]).to eq([:idle, false])
      tasks = Array.new(3) { client.submit_job(name) }
      expect(client.waiting_count).to eq(3)
      tasks.each(&:value)
      expect(client.stats).to include(submitted: 3, resolved: 3, pending: 0)
      away(*servers.take(2))
      expect([client.state, client.connected?]).to eq([:connected, true])
      client.disconnect
      expect(urls.map { |url| client.at(url).state }.uniq).to eq([:idle])
    end

    it "whose hooks know the server" do
      told = []
      client = client_of(urls, on_connect: ->(server) { told << server }, on_disconnect: -> { told << :gone },
                               on_packet: ->(_, command, _, server) { told << [command, server] if command == :echo_res })
      client.echo("x").value
      expect(told).to include(*urls, *urls.map { |url| [:echo_res, url] })
      client.disconnect
      eventually { told.count(:gone) == 3 }
    end

    it "for threads, fibers, map, flush and Task.all" do
      expect(client.map(name, Array.new(9, "x")).tally.values).to eq([3, 3, 3])
      expect(EVGearman::Task.all(Array.new(3) { client.submit_job(name) })).to match_array(urls)
      expect(Array.new(8) { Thread.new { Array.new(20) { client.call(name) } } }.flat_map(&:value).tally.values.sum).to eq(160)
      client.submit_job_bg("#{name}-later")
      expect(client.flush(30)).to be(true)
    end

    it "for who is paused, and who closes" do
      client.ping
      client.pause_reading
      task = client.echo("x")
      expect(task.wait(0.05)).to be_nil
      client.resume_reading
      expect(task.value).to eq("x")
      client.close
      expect { client.echo("y") }.to raise_error(EVGearman::ConnectionError, /closed/)
    end

    it "for a child, which starts afresh" do
      client.ping
      pending = client.submit_job("#{name}-never")
      expect(forked { [pending.wait.error.class.name, client.echo("x").value, client.stats[:pending]] })
        .to eq(["EVGearman::ForkedError", "x", 0])
      expect(client.call(name)).to be_a(String)
      pending.abandon
    end
  end

  it "keeps its whole alive by its parts, wherever they move" do
    one = EVGearman::Client.new(servers: urls, loop: loop).at(urls[1])
    Array.new(100) { EVGearman::Client.new(servers: urls, loop: loop).at(urls[0]).echo("gone") }
    move
    expect(one.echo("x").value).to eq("x")
  end
end
