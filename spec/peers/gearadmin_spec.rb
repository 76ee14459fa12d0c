# frozen_string_literal: true

# What gearadmin reads of a server is what we read, and what one of us changes the other sees.
[Gearmand, Embedded].each do |kind|
  RSpec.describe "gearadmin on #{kind}", server: kind do
    let(:server) { own_server }
    let(:client) { client_for(server) }

    def gearadmin(*options) = run_peer("gearadmin", "-h", server.host, "-p", server.port.to_s, *options)

    # Lists end with a dot line, which ours is without.
    def listed(option) = gearadmin(option).output.delete_suffix(".\n")

    # One job runs, one waits in each priority.
    def fill
      worker_for(server, client_id: "busy").register_function("resize", async: true) { |job| @held = job }.work
      client.enqueue("resize", "x", unique: "held")
      eventually { @held }
      %i[high normal low].each { |priority| client.enqueue("resize", "x", unique: priority.to_s, priority: priority) }
      client.create_function("mail").value
    end

    # Ours as the lines of a server.
    def text_of(rows) = rows.map { |row| row.to_a.join("\t") }

    it "tells the same of functions" do
      fill
      status = client.server_status.value
      expect(status["resize"].to_a).to eq(["resize", 4, 1, 1])
      expect(status.size).to eq(2)
      expect(listed("--status").lines(chomp: true)).to eq(text_of(status))
    end

    it "tells the same of priorities" do
      fill
      rows = client.priority_status.value
      expect(rows["resize"].to_a).to eq(["resize", 1, 1, 1, 1])
      expect(listed("--priority-status").lines(chomp: true)).to eq(text_of(rows))
    end

    it "tells the same of jobs and of their keys" do
      fill
      jobs = client.jobs.value
      expect(jobs[@held.handle].to_a).to eq([@held.handle, 0, 0, 1])
      expect(jobs.size).to eq(4)
      expect(listed("--show-jobs").lines(chomp: true)).to eq(text_of(jobs))
      expect(listed("--show-unique-jobs").lines(chomp: true)).to match_array(client.unique_jobs.value)
    end

    it "tells the same of connections, but for its own" do
      fill
      ours = client.server_workers.value.map { |row| [row.fd, row.ip, row.client_id, ":", *row.functions].join(" ") }
      expect(ours).to include(/ busy : resize\z/)
      theirs = listed("--workers").lines(chomp: true)
      expect(theirs & ours).to eq(ours)
      expect(theirs.size).to eq(ours.size + 1)
    end

    it "tells the same of the server" do
      expect(gearadmin("--server-version").output).to eq("#{client.server_version.value}\n")
      expect(gearadmin("--getpid").output).to eq("#{client.server_pid.value}\n")
      expect(gearadmin("--server-verbose").output).to eq("#{client.server_verbosity.value}\n")
    end

    it "creates and drops functions that we see" do
      expect(gearadmin("--create-function=alpha").output).to eq("OK\n")
      expect(client.server_status.value.map(&:name)).to eq(["alpha"])
      expect(gearadmin("--drop-function=alpha").output).to eq("OK\n")
      expect(client.server_status.value.size).to eq(0)
    end

    it "sees functions that we create and drop" do
      client.create_function("alpha").value
      expect(listed("--status")).to eq("alpha\t0\t0\t0\n")
      client.drop_function("alpha").value
      expect(listed("--status")).to eq("")
    end

    it "is refused what we are refused, with the same words" do
      fill
      { "--drop-function=resize" => -> { client.drop_function("resize", force: true) },
        "--drop-function=nobody" => -> { client.drop_function("nobody") },
        "--cancel-job=H:nobody:1" => -> { client.cancel_job("H:nobody:1") } }.each do |option, ours|
        expect { ours.call.value }.to raise_error(EVGearman::ServerError) do |error|
          words = short(error).delete_prefix("server error: ").sub(/: ?/, " ") # what has no code, and a code with its words
          expect(gearadmin(option).errors.downcase).to include(words.strip.downcase)
        end
      end
    end

    it "cancels a job, whose client sees it fail" do
      task = client.submit_job("resize")
      eventually { task.handle }
      gearadmin("--cancel-job=#{task.handle}")
      expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
      jobs = client.jobs.value
      kind == Gearmand ? expect(jobs[task.handle].ignored).to(eq(1)) : expect(jobs).to(be_empty)
      expect(listed("--show-jobs").lines(chomp: true)).to eq(text_of(client.jobs.value))
    end
  end
end
