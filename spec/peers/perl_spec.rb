# frozen_string_literal: true

# Gearman::Client and Gearman::Worker.
[Gearmand, Embedded].each do |kind|
  RSpec.describe "Perl's Gearman on #{kind}", server: kind do
    let(:server) { shared_server }

    before { require_perl("Gearman::Client") }

    describe "client" do
      def submit(...) = perl_client(server, ...)

      it_behaves_like "a client of another library through gearmand"

      # gearmand tells it of a failure, with a NUL behind the handle, and it knows no such job.
      it "dies of an exception when it did not ask for exceptions", server: Gearmand do
        name = function
        worker_for(server, on_callback_error: ->(*) {}).register_function(name) { raise "no" }.work
        program = submit(name)
        eventually { program.ended? }
        expect(program.errors).to include("Got work_fail for unknown handle")
      end
    end

    describe "worker" do
      def serve(prefix) = perl_worker(server, prefix)

      it_behaves_like "a worker of another library through gearmand"

      # WORK_EXCEPTION, in Storable's format, and WORK_FAIL, which gearmand answers with an error, since the job has ended.
      # The worker takes that for the answer to its next GRAB_JOB.
      it "sends what its code died of, and dies of it too" do
        name = function
        worker = serve(name)
        task = client_for(server).submit_job("#{name}-exception", "no such luck")
        expect { task.value(Examples::PATIENCE) }.to raise_error(EVGearman::JobExceptionError) do |error|
          expect(error.data).to include("no such luck\n")
        end
        eventually { worker.ended? }
        expect(worker.errors).to include("unexpected packet type: error [JOB_NOT_FOUND")
      end

      # It leaves out the NUL behind the handle, so gearmand waits for more, and then closes the connection.
      it "cannot answer with nothing: its job is given out again" do
        name = function
        server = own_server
        worker = perl_worker(server, name)
        task = client_for(server).submit_job("#{name}-echo", "", timeout: Examples::PATIENCE)
        eventually { worker.lines.size > 1 }
        worker.stop
        expect(task).not_to be_done
        task.abandon
      end
    end
  end
end
