# frozen_string_literal: true

# Programs for gearman-ruby print the same with that gem and with ours in its place.
RSpec.describe "evgearman/compat/gearman" do
  # Those of its README; seconds are shorter here, and one of the two servers is not there.
  readme_worker = <<~'RUBY'
    require 'rubygems'
    require 'logger'
    require 'gearman'

    servers = [SERVER]

    w = Gearman::Worker.new(servers)
    logger = Logger.new(STDOUT, formatter: ->(_, _, _, message) { "#{message}\n" })

    w.add_ability("sleep") do |data,job|
     seconds = 10
     logger.info "Sleeping for #{seconds} seconds"
     (1..seconds.to_i).each do |i|
       sleep 0.01
       job.report_status(i, seconds)
     end
     true
    end

    loop { w.work }
  RUBY

  readme_client = <<~'RUBY'
    require 'rubygems'
    require 'gearman'

    servers = [SERVER, "127.0.0.1:1"]

    client = Gearman::Client.new(servers)
    taskset = Gearman::TaskSet.new(client)

    task = Gearman::Task.new('sleep', 20)
    task.on_complete {|d| puts d }

    taskset.add_task(task)
    taskset.wait(100)
  RUBY

  # Names, programs, what they print.
  programs = {
    "all that a job tells of itself" => [<<~'RUBY', <<~TEXT],
      worker do |w|
        w.add_ability("talk") do |data, job|
          job.send_data("part of #{data}")
          job.report_status(1, 2)
          job.report_warning("careful")
          job.report_status(2, 2)
          "all of #{data}"
        end
      end
      task = listen(Gearman::Task.new("talk", "it"), :on_created, :on_data, :on_status, :on_warning, :on_complete, :on_fail)
      task.on_created { |handle| show("on_created", handle.start_with?("H:")) }
      set = Gearman::TaskSet.new(client)
      set.add_task(task)
      show set.wait(30), task.successful, task.retries_done
    RUBY
      on_created true
      on_data part of it
      on_status 1 2
      on_warning careful
      on_status 2 2
      on_complete all of it
      true true 0
    TEXT

    "blocks that are options, arguments that are numbers" => [<<~'RUBY', <<~TEXT],
      worker { |w| w.add_ability("twice") { |data| data.to_i * 2 } }
      task = Gearman::Task.new(:twice, 21, on_complete: ->(result) { show "it is", result })
      set = Gearman::TaskSet.new(client)
      set.add_task(task)
      show set.wait_forever
      show task.func, task.arg
    RUBY
      it is 42
      true
      twice 21
    TEXT

    "do_task answers the result, and takes the place of two blocks" => [<<~'RUBY', <<~TEXT],
      worker do |w|
        w.add_ability("reverse") { |data| data.reverse }
        w.add_ability("refuse") { |data| data == "nil" ? nil : false }
      end
      show client.do_task(listen(Gearman::Task.new("reverse", "hello"), :on_complete, :on_fail))
      show client.do_task(listen(Gearman::Task.new("refuse", "nil"), :on_complete, :on_fail)).inspect
      show client.do_task(listen(Gearman::Task.new("refuse", "false"), :on_complete, :on_fail)).inspect
    RUBY
      olleh
      nil
      nil
    TEXT

    "what fails, and what raises" => [<<~'RUBY', <<~TEXT],
      worker do |w|
        w.add_ability("refuse") { nil }
        w.add_ability("raise") { |data| raise ArgumentError, "no #{data}" }
      end
      asking = client
      asking.set_options("exceptions")
      %w[refuse raise].each do |name|
        set = Gearman::TaskSet.new(asking)
        set.add_task(listen(Gearman::Task.new(name, "soup"), :on_complete, :on_fail, :on_exception))
        show set.wait(30)
      end
    RUBY
      on_fail
      false
      on_exception no soup
      false
    TEXT

    "a set takes the last task first, and remembers" => [<<~'RUBY', <<~TEXT],
      worker { |w| w.add_ability("well") { |data| data unless data == "ill" } }
      set = Gearman::TaskSet.new(client)
      %w[one two three].each { |data| set.add_task(listen(Gearman::Task.new("well", data), :on_complete)) }
      show set.wait(30)
      set.add_task(Gearman::Task.new("well", "ill"))
      show set.wait(30)
      set.add_task(Gearman::Task.new("well", "four"))
      show set.wait(30)
    RUBY
      on_complete three
      on_complete two
      on_complete one
      true
      false
      false
    TEXT

    "a set that waits too long" => [<<~'RUBY', <<~TEXT],
      set = Gearman::TaskSet.new(client)
      set.add_task(listen(Gearman::Task.new("nobody", "x"), :on_complete, :on_fail))
      show set.wait(0.05)
    RUBY
      false
    TEXT

    "tasks in the background, by priority" => [<<~'RUBY', <<~TEXT],
      asking = client
      show asking.do_task(Gearman::BackgroundTask.new("tell", "normal")).inspect
      asking.do_task(Gearman::Task.new("tell", "low", background: true, priority: :low))
      task = Gearman::BackgroundTask.new("tell", "high")
      task.priority = :high
      show task.background
      asking.do_task(task)
      told = []
      working = Gearman::Worker.new(SERVER)
      working.add_ability("tell") do |data|
        working.worker_enabled = false if told.empty?
        told << data
      end
      show working.work
      show told.join(" ")
    RUBY
      nil
      true
      false
      high normal low
    TEXT

    "equal tasks are one, also by a key" => [<<~'RUBY', <<~TEXT],
      require "gearman/server"
      asking = client
      11.times { asking.do_task(Gearman::BackgroundTask.new("dedupe", "data")) }
      3.times { |n| asking.do_task(Gearman::BackgroundTask.new("dedupe", "data #{n}", uniq: "a key")) }
      show Gearman::Server.new(SERVER).status["dedupe"].to_a.join(" ")
      show Gearman::Task.new("dedupe", "data").get_uniq_hash
      show Gearman::Task.new("dedupe", "data", uniq: "a key").get_uniq_hash
      show Gearman::Task.new("dedupe", "data", hash: "as it is").get_uniq_hash
      working = Gearman::Worker.new(SERVER)
      working.worker_enabled = false
      working.add_ability("dedupe") { |data| show "done:", data }
      working.work
    RUBY
      queue 2 active 0 workers 0
      61078d2938eb6c7957d24a1a137d6698b2dd8980
      c0c633ea507118a55f3193db0e83afbdd3faa662
      as it is
      done: data
      done: data 0
    TEXT

    "a task for later" => [<<~'RUBY', <<~TEXT],
      require "gearman/server"
      asking = client
      task = Gearman::BackgroundTask.new("later", "x")
      task.schedule(Time.now + 3600)
      asking.do_task(task)
      asking.do_task(Gearman::BackgroundTask.new("later", "now", schedule_at: Time.now - 1))
      working = Gearman::Worker.new(SERVER)
      working.worker_enabled = false
      working.add_ability("later") { |data| show data }
      working.work
      show Gearman::Server.new(SERVER).status["later"][:queue]
    RUBY
      now
      1
    TEXT

    "what a worker tells of itself" => [<<~'RUBY', <<~TEXT],
      asking = client
      %w[well ill].each { |data| asking.do_task(Gearman::BackgroundTask.new("feel", data)) }
      asking.do_task(Gearman::BackgroundTask.new("feel", "worse"))
      working = Gearman::Worker.new(SERVER, client_id: "observed")
      events = %w[job_assign work_complete work_fail work_exception]
      events.each { |event| working.public_send("on_#{event}") { show event } }
      grabbed = missed = 0
      working.on_grab_job { grabbed += 1 }
      working.on_no_job { missed += 1 }
      working.worker_enabled = false
      working.add_ability("feel") do |data|
        raise "worse" if data == "worse"
        data == "well"
      end
      working.work
      show working.client_id, grabbed, missed
    RUBY
      job_assign
      work_complete
      job_assign
      work_fail
      job_assign
      work_exception
      observed 4 1
    TEXT

    "an ability that is taken back" => [<<~'RUBY', <<~TEXT],
      asking = client
      asking.do_task(Gearman::BackgroundTask.new("kept", "x"))
      asking.do_task(Gearman::BackgroundTask.new("taken", "x"))
      working = Gearman::Worker.new(SERVER)
      working.worker_enabled = false
      %w[taken kept].each { |name| working.add_ability(name) { show name } }
      working.remove_ability("taken")
      working.work
    RUBY
      kept
    TEXT

    "options that there are not" => [<<~'RUBY', <<~TEXT]
      begin
        Gearman::Task.new("f", "x", colour: 1, size: 2)
      rescue Gearman::InvalidArgsError => e
        show e.message
      end
      begin
        client.set_options("no such option")
      rescue Gearman::ProtocolError
        show "refused"
      end
    RUBY
      Invalid task args: colour, size
      refused
    TEXT
  }

  programs.each do |name, (program, expected)|
    %i[compat gem].each do |library|
      it "#{name}: by #{library}" do
        expect(gearman_program(library, program, server: own_server)).to eq(expected.lines(chomp: true))
      end
    end
  end

  on_gearmand = ["all that a job tells of itself", "what fails, and what raises", "tasks in the background, by priority", "a task for later"]
  programs.slice(*on_gearmand).each do |name, (program, expected)|
    it "#{name}: at gearmand", server: Gearmand do
      expect(gearman_program(:compat, program, server: own_server)).to eq(expected.lines(chomp: true))
    end
  end

  { compat: %i[gem compat], gem: %i[compat gem] }.each do |of_worker, of_clients|
    [Embedded, Gearmand].each do |kind|
      it "the README's worker by #{of_worker} serves its client by any, at #{kind.name}", server: kind do
        server = own_server
        working = gearman_daemon(of_worker, readme_worker, server: server)
        of_clients.each { |library| expect(gearman_program(library, readme_client, server: server)).to eq(["true"]) }
        expect(working.lines).to eq(["Sleeping for 10 seconds"] * 2)
      end
    end
  end
end
