# frozen_string_literal: true

# Loaded by a Page's program: are its answers those that the page has?
module Answers
  @right = 0

  class << self
    def check(got, line, wanted)
      pattern = Regexp.escape(wanted.encode("UTF-8")).gsub("…", ".*")
      abort "line #{line}: #{got.inspect} instead of #{wanted}" unless /\A#{pattern}\z/m.match?(got.inspect)
      @right += 1
    end

    # The last line of a program.
    def tell = puts("\n#{@right} answers")
  end
end
