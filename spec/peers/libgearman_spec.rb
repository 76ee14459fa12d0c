# frozen_string_literal: true

[Gearmand, Embedded].each do |kind|
  RSpec.describe "libgearman on #{kind}", server: kind do
    let(:server) { shared_server }

    describe "client" do
      def submit(...) = c_client(server, ...)

      it_behaves_like "a client of another library through gearmand"

      it "is told of a failure by gearmand, when it did not ask for exceptions" do
        name = function
        worker_for(server, exceptions: false, on_callback_error: ->(*) {}).register_function(name) { raise "no" }.work
        expect(heard(submit(name))).to eq(["fail"])
      end
    end

    describe "worker" do
      def serve(prefix) = c_worker(server, prefix)

      it_behaves_like "a worker of another library through gearmand"

      let(:name) { function }
      let(:client) { client_for(server) }

      it "answers with nothing" do
        serve(name)
        expect(client.call("#{name}-echo", "", timeout: Examples::PATIENCE)).to eq("")
      end

      it "knows the key of a job, and one that we made" do
        serve(name)
        expect(client.call("#{name}-unique", "", unique: "mine", timeout: Examples::PATIENCE)).to eq("mine")
        expect(client.call("#{name}-unique", "", unique: :auto, timeout: Examples::PATIENCE)).to match(/\A.{8,63}\z/)
      end
    end
  end
end
