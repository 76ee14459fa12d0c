# frozen_string_literal: true

RSpec.describe "Workers whose server, process or supervisor dies" do
  include Children

  # The long form is `rake deaths`.
  it "lose no acknowledged job, and run none twice unless a death explains it" do
    text, status = run_ruby("spec/proofs/deaths.rb", "1", "2", patience: 6 * Examples::PATIENCE)
    expect(status).to be_success, text
  end
end
