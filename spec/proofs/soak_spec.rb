# frozen_string_literal: true

RSpec.describe "Clients and workers in trouble" do
  include Children

  # The long form is `rake soak`.
  it "lose no acknowledged job, mix up no answer, and end every request once" do
    text, status = script("spec/proofs/soak.rb", "4")
    expect(status).to be_success, text
  end
end
