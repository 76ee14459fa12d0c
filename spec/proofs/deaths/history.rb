# frozen_string_literal: true

# What was done, by whom and when; and who died.
class History
  Run = Struct.new(:id, :pid, :assigned, :began, :ended)
  Death = Struct.new(:kind, :server, :pids, :at, :back)

  attr_reader :path, :deaths

  def initialize(path)
    @path = path
    @deaths = []
    @runs = Hash.new { |runs, id| runs[id] = [] }
    @done = {}
    @offset = 0
    @began = 0
  end

  # How many runs began.
  def began = read.then { @began }

  # Was it done?
  def done?(id) = @done.key?(id) || read.then { @done.key?(id) }

  # Those that began, in order, by job.
  def runs = read.then { @runs.transform_values { |all| all.select(&:began).sort_by(&:began) } }

  # Runs of a job that was run before, where no death says why.
  def unexplained
    runs.each_value.flat_map { |all| all.each_cons(2).reject { |pair| explained?(*pair) } }
  end

  def again = runs.each_value.sum { |all| [all.size - 1, 0].max }

  # Seconds from when something could go on until it did; nil: it never did.
  def pause(death)
    beginnings = runs.each_value.flat_map { |all| all.select { |run| run.began > death.back && of?(death, run.id) } }
    beginnings.map(&:began).min&.-(death.back)
  end

  private

  # A server that died has forgotten who has a job; a process that died had it.
  def explained?(first, second)
    deaths.any? do |death|
      death.at <= second.began && death.back >= first.assigned && (death.pids.include?(first.pid) || of?(death, first.id, :server))
    end
  end

  def of?(death, id, kind = death.kind) = kind == :server ? death.server && id.start_with?("#{death.server}-") : true

  def read
    return unless File.exist?(path)

    text = File.binread(path, nil, @offset)
    whole = text.rindex("\n") or return
    @offset += whole + 1
    text[0..whole].each_line { |line| take(*line.split) }
  end

  def take(what, id, pid, time)
    run = @runs[id].reverse.find { |one| one.pid == pid.to_i && one.ended.nil? }
    @runs[id] << (run = Run.new(id, pid.to_i)) unless run
    run[what] = time.to_f
    @began += 1 if what == "began"
    @done[id] = true if what == "ended"
  end
end
