# frozen_string_literal: true

EVGearman::Runtime::Probe.load("prometheus-client", "prometheus/client")
EVGearman::Runtime::Probe.load("prometheus-client", "prometheus/client/formats/text")

module EVGearman
  class Runtime
    # What is on a {Board}, as Prometheus reads it.
    #
    # @api private
    class Metrics
      CONTENT_TYPE = Prometheus::Client::Formats::Text::CONTENT_TYPE

      # Metrics whose values are known, and not counted here.
      module Known
        attr_accessor :values
      end

      def initialize(board)
        @registry = Prometheus::Client::Registry.new
        jobs(board.jobs)
        processes(board.processes)
        add(:Counter, :evgearman_process_deaths_total, "Processes that died and were replaced", { {} => board.deaths })
      end

      # @return [String]
      def to_s = Prometheus::Client::Formats::Text.marshal(@registry)

      private

      def jobs(rows)
        counts = rows.flat_map { |name, row| %w[done failed].map { |how| [{ function: name, outcome: how }, row[how]] } }
        add(:Counter, :evgearman_jobs_total, "Jobs that ended", counts.to_h, %i[function outcome])
        add(:Histogram, :evgearman_job_duration_seconds, "How long jobs took",
            rows.to_h { |name, row| [{ function: name }, buckets(row)] }, [:function], buckets: Tally::BUCKETS)
      end

      # Each counts those below it, too.
      def buckets(row)
        sum = 0
        counts = row["buckets"].map { |count| sum += count }
        [*Tally::BUCKETS.map(&:to_s), "+Inf"].zip(counts).to_h.merge("sum" => row["seconds"])
      end

      def processes(rows)
        add(:Gauge, :evgearman_processes, "Processes that run jobs", { {} => rows.size })
        add(:Gauge, :evgearman_busy, "Jobs that are run now", { {} => rows.sum { |row| row["busy"] } })
        each_process(:connected, "Is it connected?", rows) { |row| row["connected"] ? 1 : 0 }
        each_process(:resident_bytes, "Its memory", rows) { |row| row["rss"] }
      end

      def each_process(name, text, rows)
        values = rows.to_h { |row| [{ process: row["number"].to_s }, yield(row)] }
        add(:Gauge, :"evgearman_process_#{name}", text, values, [:process])
      end

      def add(kind, name, text, values, labels = [], **options)
        metric = Prometheus::Client.const_get(kind).new(name, docstring: text, labels: labels, **options).extend(Known)
        metric.values = values
        @registry.register(metric)
      end
    end
  end
end
