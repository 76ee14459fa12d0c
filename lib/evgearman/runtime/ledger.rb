# frozen_string_literal: true

require "tempfile"

module EVGearman
  class Runtime
    # Which jobs a process has in hand, in a file without a name: so its parent knows when it has died with them.
    #
    # @api private
    class Ledger
      Entry = Struct.new(:function, :handle, :unique) do
        # What the job is known by, whichever process has it.
        def key = unique.empty? ? handle : unique
      end

      SLOT = 704 # bytes: those of a function, a handle, a key, and what is between
      private_constant :SLOT

      # @param size [Integer] jobs at a time
      def initialize(size)
        @file = Tempfile.create("evgearman", anonymous_dir)
        ::File.unlink(@file.path)
        @size = size
        @free = [*0...size]
      end

      # @return [Integer, nil] for {#remove}
      def add(job)
        slot = @free.pop or return
        @file.pwrite("+#{job.function}\0#{job.handle}\0#{job.unique}\0", slot * SLOT)
        slot
      end

      def remove(slot)
        return unless slot

        @file.pwrite("-", slot * SLOT)
        @free.push(slot)
      end

      # @return [Array<Entry>] what was not removed
      def entries
        text = @file.pread(@size * SLOT, 0)
        (0...@size).filter_map { |slot| entry(text.byteslice(slot * SLOT, SLOT)) }
      rescue EOFError
        [] # nothing was ever written
      end

      def close = @file.close

      private

      # Where a file needs no disk.
      def anonymous_dir = ["/dev/shm", Dir.tmpdir].find { |dir| ::File.writable?(dir) }

      def entry(text)
        return unless text&.start_with?("+")

        Entry.new(*text.byteslice(1..).split("\0", 4).first(3).map { |word| word.force_encoding(Encoding::UTF_8) })
      end
    end
  end
end
