# frozen_string_literal: true

# Answers of a server are values: compared, hashed, matched and taken apart as such.
RSpec.describe "Values" do
  describe EVGearman::JobStatus do
    def status(*numbers, handle: "H:1") = described_class.of_handle([handle, *numbers])

    it "is equal to one that says the same" do
      expect(status("1", "1", "3", "4")).to eq(status("1", "1", "3", "4"))
      expect(status("1", "1", "3", "4")).not_to eq(status("1", "1", "2", "4"))
      expect([status("0", "0", "0", "0"), status("0", "0", "0", "0")].uniq.size).to eq(1)
      expect(status("0", "0", "0", "0")).not_to eq(nil)
    end

    it "is taken apart by name and by place" do
      expect(status("1", "1", "3", "4").to_h).to eq(handle: "H:1", unique: nil, known: true, running: true, numerator: 3,
                                                    denominator: 4, client_count: nil, ratio: 0.75)
      status("1", "1", "3", "4") => { running: true, ratio: Float => ratio }
      expect(ratio).to eq(0.75)
      status("1", "0", "0", "0") => [handle, *]
      expect(handle).to eq("H:1")
    end

    it "shows what it says" do
      expect(status("1", "1", "3", "4").inspect).to eq("#<EVGearman::JobStatus H:1 running 3/4>")
      expect(status("1", "0", "0", "0").inspect).to eq("#<EVGearman::JobStatus H:1 waiting>")
      expect(described_class.of_unique(["key", "0", "0", "0", "0", "0"]).inspect).to eq("#<EVGearman::JobStatus key unknown>")
    end
  end

  describe EVGearman::Admin::Rows do
    let(:status) { EVGearman::Admin::Status.new("a\t3\t1\t2\n") }

    it "are equal when they say the same" do
      expect(status).to eq(EVGearman::Admin::Status.new("a\t3\t1\t2\r\n"))
      expect(status).not_to eq(EVGearman::Admin::Status.new("a\t3\t1\t3\n"))
      expect(status.hash).to eq(EVGearman::Admin::Status.new("a\t3\t1\t2\n").hash)
      expect(EVGearman::Admin::Status.new("")).not_to eq(EVGearman::Admin::Jobs.new(""))
      expect([status.empty?, EVGearman::Admin::Status.new("").empty?]).to eq([false, true])
    end

    it "have what waits beside their columns" do
      expect(status["a"].to_h).to eq(name: "a", total: 3, running: 1, workers: 2, waiting: 2)
      expect(status["a"].to_h { |name, value| [[name], value] }).to include([:name] => "a", [:waiting] => 2)
      status.first => { name: "a", waiting: }
      expect(waiting).to eq(2)
      status.first => [name, *]
      expect(name).to eq("a")
    end

    it "keep all workers of a client id" do
      workers = EVGearman::Admin::Workers.new("7 127.0.0.1 - : a\n8 127.0.0.1 - : b\n9 127.0.0.1 w :\n")
      expect(workers.to_h.transform_values { |rows| rows.map(&:fd) }).to eq("-" => [7, 8], "w" => [9])
      expect(workers["-"].fd).to eq(8)
      expect(workers.to_h { |row| [row.fd, row.functions] }).to eq(7 => ["a"], 8 => ["b"], 9 => [])
    end
  end
end
