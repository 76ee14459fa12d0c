# frozen_string_literal: true

require "evgearman/client_middleware"

RSpec.describe "EVGearman.client_middleware" do
  let(:server) { shared_server }
  let(:client) { client_for(server) }
  let(:name) { function }
  let(:chain) { EVGearman.client_middleware }
  let(:seen) { [] }

  before do
    chain.use(lambda do |submission, &submit|
      seen << [submission.client, submission.command, submission.jobs.map(&:to_a)]
      submission.jobs.each { |job| job.workload = "#{job.workload}!" }
      submit.call
    end)
  end

  after { chain.to_a.each { |one| chain.remove(one) } }

  def working
    worker = worker_for(server)
    worker.register_function(name) { |job| "#{job.workload} #{job.unique}" }
    worker.work
  end

  it "is around foreground jobs, of every kind" do
    working
    expect(client.call(name, "a", priority: :high, unique: "k")).to eq("a! k")
    expect(client.submit_job(name, "b").value).to eq("b! ")
    expect(client.map(name, %w[c d])).to eq(["c! ", "d! "])
    expect(seen.map { |row| row[1..] }).to eq([[:submit_job_high, [[name, "a", "k"]]], [:submit_job, [[name, "b", nil]]],
                                               [:submit_job, [[name, "c", nil]]], [:submit_job, [[name, "d", nil]]]])
    expect(seen.map(&:first)).to all(be(client))
  end

  it "is around background jobs, delayed or not, and batches" do
    client.enqueue(name, "a", unique: "one")
    client.enqueue(name, "b", in: 0)
    client.submit_jobs_bg([[name, "c"], [name, "d", { priority: :high, unique: "four" }], [name]]).value
    got = []
    worker_for(server).register_function(name) { |job| got << [job.workload, job.unique[/\A[a-z]+\z/]] and nil }.work
    eventually { got.size == 5 }
    expect(got).to match_array([["a!", "one"], ["b!", nil], ["c!", nil], ["d!", "four"], ["!", nil]])
    expect(seen.map { |_, command, jobs| [command, jobs.size] }).to eq([[:submit_job_bg, 1], [:submit_job_epoch, 1], [:submit_jobs_bg, 3]])
  end

  it "raises what is wrong about a batch as ever" do
    jobs = [[1], [[name], 5], [[]], [["a", "b", { colour: "red" }]]]
    errors = jobs.map { |batch| client.submit_jobs_bg(batch) rescue $!.class }
    seen.clear
    chain.to_a.each { |one| chain.remove(one) }
    expect(errors).to eq(jobs.map { |batch| client.submit_jobs_bg(batch) rescue $!.class })
    expect(errors).to all(be <= StandardError)
  end
end
