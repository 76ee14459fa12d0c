# frozen_string_literal: true

module EVGearman
  class Runtime
    # Signals that came, for whoever reads them: a trap only writes the name down.
    #
    # @api private
    class Inbox
      # Stands in {#take} for those who are to look around.
      attr_reader :reader

      # @param names [Array<String>] that are heard
      # @param ignored [Array<String>] that are not
      # @param parent [Inbox, nil] of the process that this one was forked from
      def initialize(names, ignored: [], parent: nil)
        @pid = ::Process.pid
        @early = []
        @reader, @writer = IO.pipe
        @before = names.to_h { |name| [name, trap(name) { heard(name) }] }
        ignored.each { |name| @before[name] = trap(name, "IGNORE") }
        parent&.hand_over(self, names + ignored)
      end

      # @return [Array<String>] names, as they came
      def take
        text = @reader.read_nonblock(4096, exception: false)
        text.is_a?(String) ? text.split : []
      end

      # What was there before listens again.
      def close
        @before.each { |name, before| trap(name, before || "DEFAULT") }
        [@reader, @writer].each(&:close)
      end

      # To a child's own: what came when this one's traps still stood there. What that one does not hear is nobody's.
      def hand_over(inbox, names)
        (@before.keys - names).each { |name| trap(name, "DEFAULT") }
        [@reader, @writer].each(&:close)
        @early.each { |name| inbox.send(:heard, name) }
      end

      private

      # In a trap. A child that has no inbox yet is not to write into that of its parent.
      def heard(name)
        @pid == ::Process.pid ? @writer.write_nonblock("#{name}\n", exception: false) : @early << name
      rescue IOError
        nil # it is being closed
      end
    end
  end
end
