# frozen_string_literal: true

require "evgearman/rspec"
require "socket"

RSpec.describe EVGearman::Testing, :faked do
  def self.refused?(url)
    TCPSocket.new(*url.delete_prefix("gearman://").split(":")).close
    false
  rescue Errno::ECONNREFUSED
    true
  end

  def at(url) = Struct.new(:url).new(url)
  def refused?(url) = self.class.refused?(url)

  describe ".server" do
    it "runs one for the block, and answers what that does" do
      testing.inline!
      url = testing.server do |url, server|
        expect(server).to be_a(EVGearman::Server).and be_running
        worker_for(at(url)).register_function("reverse") { |job| job.workload.reverse }.work
        real = client_for(at(url))
        expect(real.submit_job("reverse", "abc").value(Examples::PATIENCE)).to eq("cba")
        expect(real.enqueue("mail")).to start_with("H:")
        url
      end
      expect(refused?(url)).to be(true)
      expect([testing.mode, testing.submissions]).to eq([:inline, []])
      errors.clear
    end

    it "takes the options of one" do
      testing.server(handle_prefix: "T:") { |url| expect(client_for(at(url)).enqueue("mail")).to start_with("T:") }
      expect { testing.server(wrong: 1) { nil } }.to raise_error(ArgumentError, /wrong/)
      errors.clear
    end

    it "is over, whatever ends the block" do
      url = nil
      catch(:out) { testing.server { |given| (url = given) && throw(:out) } }
      expect(refused?(url)).to be(true)
    end
  end

  describe "the shared context :gearman" do
    seen = []

    before(:context) { EVGearman::Testing.fake! }

    describe "of a group" do
      include_context :gearman

      2.times do |n|
        it "has a server (#{n})" do
          expect(client_for(at(gearman_url)).enqueue("f")).to start_with("H:")
          seen << gearman_url
        end
      end
    end

    describe "of another group" do
      include_context :gearman

      it("has a server of its own") { seen << gearman_url }
    end

    after(:context) do
      EVGearman::Testing.disable!
      expect([seen.size, seen.uniq.size]).to eq([3, 2])
      expect(seen.reject { |url| refused?(url) }).to be_empty
    end
  end
end
