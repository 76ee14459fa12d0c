# frozen_string_literal: true

require "digest"

[Gearmand, Embedded].each do |kind|
  RSpec.describe "The gearman command line on #{kind}", server: kind do
    let(:server) { shared_server }
    let(:name) { function("cli") }

    def at(server) = ["-h", server.host, "-p", server.port.to_s]

    describe "as a client of our worker" do
      let(:worker) { worker_for(server) }

      # Its submission of `input`, run to its end.
      def gearman(*options, input: "") = run_peer("gearman", *at(server), "-f", name, *options, input: input)

      Peers::PAYLOADS.each do |what, payload|
        it "prints our answer to #{what}" do
          worker.register_function(name) { |job| job.workload.reverse }.work
          expect(gearman(input: payload)).to have_attributes(output: payload.reverse, errors: "", status: be_success)
        end
      end

      it "prints data in front of the result, warnings apart, and how far it is" do
        worker.register_function(name) do |job|
          job.send_data("one ")
          job.warning("careful")
          job.status(1, 2)
          job.send_data("two ")
          "three"
        end.work
        program = gearman
        expect(program.output).to include("one two three").and include("50% Complete")
        expect(program.errors).to eq("careful")
      end

      it "says that a job failed" do
        worker.register_function(name, &:fail).work
        expect(gearman).to have_attributes(errors: /Job failed/, status: have_attributes(exitstatus: 1))
      end

      # gearmand puts a NUL behind the handle of the WORK_FAIL that it makes of an exception, and the command line then
      # waits for ever. So it needs a worker that sends no exceptions, or a gearmand that forwards them to everybody.
      it "hears of an exception as a failure, from a worker with exceptions: false" do
        worker_for(server, exceptions: false, on_callback_error: ->(*) {}).register_function(name) { raise "no" }.work
        expect(gearman).to have_attributes(errors: /Job failed/, status: have_attributes(exitstatus: 1))
      end

      it "hears what an exception said, from gearmand --exceptions" do
        everybody = own_gearmand("--exceptions")
        worker_for(everybody, on_callback_error: ->(*) {}).register_function(name) { raise "no such luck" }.work
        expect(run_peer("gearman", *at(everybody), "-f", name)).to have_attributes(errors: "no such luck")
      end

      it "gives a key of its own to each job, or the one it is told" do
        worker.register_function(name, &:unique).work
        keys = [gearman, gearman].map(&:output)
        expect(keys).to all match(/\A\h{8}(-\h{4}){3}-\h{12}\z/)
        expect(keys.uniq.size).to eq(2)
        expect(gearman("-u", "mine").output).to eq("mine")
      end

      it "shares one job with us under one key" do
        runs = 0
        program = peer("gearman", *at(server), "-f", name, "-u", "shared", input: "x")
        eventually { server.status(name).first == 1 }
        task = client_for(server).submit_job(name, "y", unique: "shared")
        eventually { task.handle }
        worker.register_function(name) { |job| "#{runs += 1} #{job.workload}" }.work
        expect(task.value(Examples::PATIENCE)).to eq("1 x")
        eventually { program.ended? }
        expect(program.output).to eq("1 x")
      end

      it "submits to the background, by priority" do
        ran = []
        [%w[-L low], ["normal"], %w[-I high]].each { |*options, input| gearman("-b", *options, input: input) }
        worker.register_function(name) { |job| (ran << job.workload) && "" }.work
        eventually { ran.size == 3 }
        expect(ran).to eq(%w[high normal low])
      end

      it "makes a job of each line, in order" do
        worker.register_function(name) { |job| "<#{job.workload}>" }.work
        expect(gearman("-N", input: "one\ntwo\nthree\n").output).to eq("<one><two><three>")
      end
    end

    describe "as a worker of our client" do
      let(:client) { client_for(server) }

      def serve(*command, options: []) = peer("gearman", "-w", *at(server), *options, "-f", name, "--", *command)

      Peers::PAYLOADS.first(3).each do |what, payload|
        it "runs a command with #{what}, and we get what that prints" do
          serve("cat")
          expect(client.call(name, payload, timeout: Examples::PATIENCE)).to eq(payload)
        end
      end

      # It writes all to the command before it reads anything, so a command that answers at once blocks both.
      it "takes more than a pipe does" do
        serve("sha256sum")
        payload = Peers::PAYLOADS.values.last
        expect(client.call(name, payload, timeout: Examples::PATIENCE)).to eq("#{Digest::SHA256.hexdigest(payload)}  -\n")
      end

      it "brings more than a pipe takes" do
        serve("head", "-c", "262144", "/dev/zero")
        expect(client.call(name, timeout: Examples::PATIENCE)).to eq("\0" * 262_144)
      end

      it "sends lines as data, while the command runs" do
        serve("cat", options: ["-n"])
        data = []
        task = client.submit_job(name, "one\ntwo\n", on_data: ->(bytes) { data << bytes })
        expect(task.value(Examples::PATIENCE)).to eq("")
        # gearman 1.1.20 repeats the lines before.
        expect(data.map { |bytes| bytes.lines.last }).to eq(%W[one\n two\n])
      end

      it "fails the job when the command does, and takes the next one" do
        serve("sh", "-c", "read word; test $word = good && echo $word")
        expect { client.call(name, "bad\n", timeout: Examples::PATIENCE) }.to raise_error(EVGearman::JobFailedError)
        expect(client.call(name, "good\n", timeout: Examples::PATIENCE)).to eq("good\n")
      end

      it "runs jobs of the background by priority, and coalesced ones once" do
        %i[low normal normal high].each do |priority|
          client.enqueue(name, "#{priority}\n", priority: priority, unique: priority.to_s)
        end
        worker = peer("gearman", "-w", *at(server), "-f", name) # without a command it prints
        eventually { worker.lines.size == 3 }
        expect(worker.lines).to eq(%w[high normal low])
        eventually { server.status(name).first.zero? }
        expect(worker.lines.size).to eq(3)
      end

      it "leaves after as many jobs as it was told" do
        worker = serve("cat", options: ["-c", "1"])
        client.call(name, "x", timeout: Examples::PATIENCE)
        eventually { worker.ended? }
      end
    end
  end
end
