# frozen_string_literal: true

require_relative "beside"
require_relative "contestant"
require_relative "gearmand"

module Bench
  # Foreground jobs of one client at several gearmands beside the same at one, by turns; each has the least C for a worker.
  # What counts is the best of each: whatever else the machine does makes it worse, never better.
  class SeveralSuite
    WINDOW = 1000
    GRABS = 64

    def initialize(rounds:, jobs:, servers:)
      @rounds = rounds
      @jobs = jobs
      @servers = servers
      @ours = Evgearman.new
      @floor = Floor.new
    end

    # On few processors servers and workers take theirs from the client: what it costs by itself is the second row.
    def run
      several, one = Array.new(@rounds) { [sample_at(@servers), sample_at(1)] }.transpose
      [row("foreground jobs at #{@servers} servers, 1,000 under way", several, one, &:rate),
       row("the same, per second of the client's CPU", several, one) { |sample| sample.ops / sample.cpu }]
    end

    private

    def row(title, several, one, &rate) = Beside.new(title, several.map(&rate).max, "at one", one.map(&rate).max)
    def sample_at(count) = at(count, []) { |urls| @ours.sample(urls.join(","), :foreground_by_servers, @jobs, WINDOW) }

    def at(count, urls, &block)
      return yield(urls) if count == urls.size

      Gearmand.run { |url| @floor.serving(url, GRABS) { at(count, [*urls, url], &block) } }
    end
  end
end
