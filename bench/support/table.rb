# frozen_string_literal: true

require "etc"
require "fiddle"

module Bench
  # Results in Markdown.
  class Table
    HEAD = ["operation", "per second", "floor", "ratio", "CPU µs/op", "floor", "syscalls/op", "floor"].freeze

    # Of the last minute before anything was measured: what else the machine did.
    LOAD = File.exist?("/proc/loadavg") ? File.read("/proc/loadavg")[/\S+/] : `uptime`[/load averages?:\s*([\d.]+)/, 1]

    # Of rows of texts, the first of which is the head.
    def self.grid(rows)
      widths = rows.transpose.map { |column| column.map(&:size).max }
      rule = widths.each_with_index.map { |width, at| at.zero? ? "-" * width : "#{"-" * (width - 1)}:" }
      [rows.first, rule, *rows.drop(1)].map { |row| line(row, widths) }.join("\n")
    end

    def self.line(row, widths)
      texts = row.zip(widths).each_with_index.map { |(text, width), at| at.zero? ? text.ljust(width) : text.rjust(width) }
      "| #{texts.join(" | ")} |"
    end
    private_class_method :line

    # Large ones are whole and in groups, small ones have two places.
    def self.number(number)
      return "–" unless number

      number < 1000 ? format("%.2f", number.round(2) + 0.0) : number.round.to_s.gsub(/(?<=\d)(?=(\d{3})+\z)/, ",")
    end

    def initialize(results)
      @results = results
    end

    def to_s = self.class.grid([HEAD] + @results.map { |result| cells(result) })

    def report(command)
      <<~MARKDOWN
        # What it costs

        Each operation beside the floor, the least C that does the same (floor.c): in turns, each time a fresh process
        and a fresh gearmand, 16 bytes of workload; medians. CPU is user and system time of the process that is measured.
        Where there is no floor it is CPU that counts.

        #{self}

        Made by `#{command}` on #{Etc.nprocessors} cores at a load of #{LOAD}: #{versions.join(", ")}.
      MARKDOWN
    end

    private

    def cells(result)
      [result.operation.title, *[result.rate, result.floor_rate, result.ratio, result.cpu, result.floor_cpu,
                                 result.our_calls, result.floor_calls].map { |number| self.class.number(number) }]
    end

    def versions
      [RUBY_DESCRIPTION[/\Aruby \S+/], "libev #{libev}", "gearmand #{Gearmand.version}"]
    end

    def libev
      library = Fiddle.dlopen(RUBY_PLATFORM.include?("darwin") ? "libev.4.dylib" : "libev.so.4")
      %w[major minor].map { |part| Fiddle::Function.new(library["ev_version_#{part}"], [], Fiddle::TYPE_INT).call }.join(".")
    end
  end
end
