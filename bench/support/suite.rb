# frozen_string_literal: true

require_relative "contestant"
require_relative "gearmand"

module Bench
  # What is measured. `helpers`: GRABs of the worker that answers meanwhile; `queued`: the jobs are there beforehand.
  Operation = Struct.new(:name, :title, :window, :helpers, :queued, keyword_init: true)

  OPERATIONS = [
    Operation.new(name: :foreground, title: "foreground jobs, 1,000 under way", window: 1000, helpers: 64),
    Operation.new(name: :background, title: "background jobs, 1,000 under way", window: 1000),
    Operation.new(name: :echo, title: "echo, 1,000 under way", window: 1000),
    Operation.new(name: :call, title: "call, one at a time", window: 1, helpers: 1),
    Operation.new(name: :worker, title: "worker, prefetch 0", window: 1, queued: true),
    Operation.new(name: :worker, title: "worker, prefetch 16", window: 17, queued: true),
    Operation.new(name: :worker_auto, title: "worker, prefetch :auto", window: 64, queued: true)
  ].freeze

  # Samples of both for one operation, and system calls of both.
  Result = Struct.new(:operation, :ours, :floor, :our_calls, :floor_calls) do
    def rate = median(ours.map(&:rate))
    def floor_rate = median(floor.map(&:rate))
    def cpu = median(ours.map(&:cpu_per_op))
    def floor_cpu = median(floor.map(&:cpu_per_op))
    def ratio = rate / floor_rate

    def complete?
      [rate, floor_rate, cpu, floor_cpu].all? { |number| number.finite? && number.positive? } &&
        (!Contestant::STRACE || [our_calls, floor_calls].none?(&:nil?))
    end

    private

    def median(numbers) = numbers.sort[numbers.size / 2]
  end

  # Runs each operation, ours and the floor by turns, so that whatever else the machine does hits both.
  class Suite
    TRIAL = 500         # operations from which is told how many take a second
    TRACED = 500        # operations under strace
    MOST = 2_000_000

    def initialize(seconds: 1.0, rounds: 5, ops: nil, only: [])
      @seconds = seconds
      @rounds = rounds
      @ops = ops
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

    private

    def result(operation)
      ops = @ops || ops_for(operation)
      rounds = Array.new(@rounds) { [sample(@ours, operation, ops), sample(@floor, operation, ops)] }
      Result.new(operation, *rounds.transpose, calls(@ours, operation), calls(@floor, operation))
    end

    def ops_for(operation)
      rough = (sample(@ours, operation, TRIAL).rate * @seconds).to_i.clamp(TRIAL, MOST)
      (sample(@ours, operation, rough / 4 + 1).rate * @seconds).to_i.clamp(TRIAL, MOST)
    end

    def sample(contestant, operation, ops)
      served(operation, ops) { |port| contestant.sample(port, operation.name, ops, operation.window) }
    end

    # Per operation: what a run with operations has more than one with none.
    def calls(contestant, operation)
      served(operation, TRACED) do |port|
        more, none = [TRACED, 0].map { |ops| contestant.calls(port, operation.name, ops, operation.window) }
        more && none && (more - none) / TRACED.to_f
      end
    end

    def served(operation, ops)
      Gearmand.run do |port|
        @floor.sample(port, :background, ops, 1000) if operation.queued
        next yield(port) unless operation.helpers

        @floor.serving(port, operation.helpers) { yield port }
      end
    end
  end
end
