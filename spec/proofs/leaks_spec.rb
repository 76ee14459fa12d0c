# frozen_string_literal: true

RSpec.describe "Memory" do
  include Children

  # The long form is `rake leaks`. Here a leak of one small object for each job is found, and noise is not.
  it "does not grow with jobs, requests and connections" do
    skip "a sanitizer keeps what is freed" if Requirements.sanitized?
    text, status = script("spec/proofs/leaks.rb", "15000", "50")
    expect(status).to be_success, text
  end
end
