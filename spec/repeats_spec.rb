# frozen_string_literal: true

RSpec.describe EVGearman::Repeats do
  subject(:repeats) { described_class.new }

  before { allow(Process).to receive(:clock_gettime) { @now } }

  def at(seconds, cause = :cause)
    @now = seconds
    repeats.untold(cause)
  end

  it "tells each cause once" do
    expect([at(0), at(1), at(2, :other), at(59.9)]).to eq([0, nil, 0, nil])
  end

  it "tells it again after a minute, and how often it came" do
    expect([at(0), at(1), at(2), at(60), at(61), at(120), at(200)]).to eq([0, nil, nil, 2, nil, 1, 0])
  end

  # Fails when what has a number in it fills the memory instead of the log.
  it "remembers the latest 64" do
    64.times { |n| at(n / 64.0, n) }
    expect([at(2, 0), at(2, :new), at(2, 0), at(2, 1)]).to eq([nil, 0, nil, 0])
  end
end
