# frozen_string_literal: true

require_relative "contestant"
require_relative "gearmand"

module Bench
  # What is measured. `helpers`: GRABs of the worker that answers meanwhile; `queued`: the jobs are there beforehand; `away`:
  # there is no server. `floor`: what the least C does beside it, nil for nothing; `most`: operations of one run.
  Operation = Struct.new(:name, :title, :window, :helpers, :queued, :away, :floor, :most, keyword_init: true) do
    def initialize(name:, floor: name, most: 2_000_000, **) = super
  end

  OPERATIONS = [
    Operation.new(name: :foreground, title: "foreground jobs, 1,000 under way", window: 1000, helpers: 64),
    Operation.new(name: :background, title: "background jobs, 1,000 under way", window: 1000),
    Operation.new(name: :echo, title: "echo, 1,000 under way", window: 1000),
    Operation.new(name: :echo_by_servers, title: "the same, by servers:", window: 1000, floor: :echo),
    Operation.new(name: :echo_large, title: "echo of 16 MiB, one at a time", window: 1, floor: nil, most: 50),
    Operation.new(name: :call, title: "call, one at a time", window: 1, helpers: 1),
    Operation.new(name: :worker, title: "worker, prefetch 0", window: 1, queued: true),
    Operation.new(name: :worker, title: "worker, prefetch 16", window: 17, queued: true),
    Operation.new(name: :worker_auto, title: "worker, prefetch :auto", window: 64, queued: true, floor: :worker),
    Operation.new(name: :worker_pool, title: "worker, 16 threads", window: 32, queued: true, floor: :worker),
    Operation.new(name: :worker_of_many, title: "the same, 1,000 functions", window: 17, queued: true, floor: :worker),
    Operation.new(name: :expire, title: "expiry, 2,000 requests/s made", window: 2, floor: nil, most: 6000, away: true),
    Operation.new(name: :pending_count, title: "pending_count, 10,000 wait", window: 10_000, floor: nil, away: true)
  ].freeze

  # Samples of ours and of the floor for one operation, and system calls of both; the floor's are nil where it has none.
  Result = Struct.new(:operation, :ours, :floor, :our_calls, :floor_calls) do
    def rate = median(ours.map(&:rate))
    def floor_rate = floor && median(floor.map(&:rate))
    def cpu = median(ours.map(&:cpu_per_op))
    def floor_cpu = floor && median(floor.map(&:cpu_per_op))
    def ratio = floor && (rate / floor_rate)

    def complete?
      numbers = floor ? [rate, floor_rate, cpu, floor_cpu] : [rate, cpu]
      calls = floor ? [our_calls, floor_calls] : [our_calls]
      numbers.all? { |number| number.finite? && number.positive? } && (!Contestant::STRACE || calls.none?(&:nil?))
    end

    private

    def median(numbers) = numbers.sort[numbers.size / 2]
  end

  # Runs each operation, ours and the floor by turns, so that whatever else the machine does hits both.
  class Suite
    TRIAL = 500             # operations from which is told how many take a second
    TRACED = 500            # operations under strace, at most
    NOBODY = "127.0.0.1:1" # where none listens

    # `server` runs one for a block: Gearmand, or an Elsewhere.
    def initialize(seconds: 1.0, rounds: 5, ops: nil, only: [], server: Gearmand)
      @seconds = seconds
      @rounds = rounds
      @ops = ops
      @server = server
      @operations = OPERATIONS.select { |it| only.empty? || only.any? { |name| it.name.start_with?(name) } }
      abort "bench: no such operation: #{only.join(", ")}" if @operations.empty?
      @ours = Evgearman.new
      @floor = Floor.new
    end

    def run
      @operations.map do |operation|
        yield operation.title
        result(operation)
      end
    end

    # So many as take the time that is wanted.
    def ops_for(contestant, operation, trial: TRIAL)
      return [@ops, operation.most].min if @ops

      trial = [trial, operation.most].min
      more = (sample(contestant, operation, operation.name, trial).rate * @seconds).to_i.clamp(trial, operation.most)
      (sample(contestant, operation, operation.name, more / 4 + 1).rate * @seconds).to_i.clamp(trial, operation.most)
    end

    def sample(contestant, operation, name, ops)
      served(operation, ops) { |server| contestant.sample(server, name, ops, operation.window) }
    end

    # Per operation. What of the library is counted is said by `contestant`.
    def instructions(contestant, operation)
      per_operation(operation, @ops) { |server, ops| contestant.instructions(server, operation.name, ops, operation.window) }
    end

    private

    def result(operation)
      ops = ops_for(@ours, operation)
      ours, floor = [], []
      @rounds.times do
        ours << sample(@ours, operation, operation.name, ops)
        floor << sample(@floor, operation, operation.floor, ops) if operation.floor
      end
      return Result.new(operation, ours, nil, calls(@ours, operation, operation.name), nil) unless operation.floor

      Result.new(operation, ours, floor, calls(@ours, operation, operation.name), calls(@floor, operation, operation.floor))
    end

    def calls(contestant, operation, name)
      per_operation(operation, [TRACED, @ops, operation.most].compact.min) do |server, ops|
        contestant.calls(server, name, ops, operation.window)
      end
    end

    # What a run with operations has more than one with none; nil when the block says so.
    def per_operation(operation, ops)
      served(operation, ops) do |server|
        more, none = [ops, 0].map { |count| yield server, count }
        more && none && (more - none) / ops.to_f
      end
    end

    def served(operation, ops)
      return yield(NOBODY) if operation.away

      @server.run do |server|
        @floor.sample(server, :background, ops, 1000) if operation.queued
        next yield(server) unless operation.helpers

        @floor.serving(server, operation.helpers) { yield server }
      end
    end
  end
end
