# frozen_string_literal: true

# Where jobs leave what they saw: a file of that name, with how often it was written.
module Shop
  NOTES = ENV.fetch("SHOP_NOTES")

  class << self
    def note(name, seen)
      path = File.join(NOTES, name)
      File.write("#{path}.new", JSON.generate(seen.merge(times: times(path) + 1)))
      File.rename("#{path}.new", path)
    end

    private

    def times(path) = File.exist?(path) ? JSON.parse(File.read(path)).fetch("times") : 0
  end
end
