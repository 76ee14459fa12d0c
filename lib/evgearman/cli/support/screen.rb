# frozen_string_literal: true

module EVGearman
  module CLI
    # What is drawn again and again: on a terminal in place, on a page of its own, which is gone afterwards; elsewhere one
    # below the other.
    #
    # @api private
    class Screen
      ENTER = "\e[?1049h\e[?25l"
      LEAVE = "\e[?25h\e[?1049l"
      private_constant :ENTER, :LEAVE

      # Whatever ends the block, the terminal is afterwards as it was.
      #
      # @param terminal [Terminal]
      # @yieldparam screen [Screen]
      def self.open(terminal)
        screen = new(terminal)
        screen.enter { yield(screen) }
      end

      def initialize(terminal)
        @terminal = terminal
        @drawn = 0
        @writing = @suspended = false
      end

      def enter(&block)
        return yield unless @terminal.tty?

        show(ENTER)
        suspending = trap("TSTP") { @writing ? @suspended = true : suspend }
        keys? ? $stdin.raw(intr: true, &block) : yield
      ensure
        trap("TSTP", suspending || "DEFAULT") if @terminal.tty?
        show(LEAVE) if @terminal.tty?
      end

      # @param lines [Array<String>]
      def draw(lines)
        text = @terminal.tty? ? page(lines) : [*("" if @drawn.positive?), *lines].join("\n").concat("\n")
        @drawn += 1
        undisturbed { show(text) }
      end

      # Waits.
      #
      # @param seconds [Numeric]
      # @return [String, nil] the key that was pressed meanwhile
      def key(seconds)
        return sleep(seconds).then { nil } unless keys?

        $stdin.getc if $stdin.wait_readable(seconds)
      end

      private

      def keys? = @terminal.tty? && $stdin.tty?

      # Each line is written over what stood there, so nothing flickers.
      def page(lines) = "\e[H#{lines.first(@terminal.rows).map { |line| "#{line}\e[K" }.join("\r\n")}\e[J"

      def show(text)
        @terminal.out.write(text)
        @terminal.out.flush
      end

      # A trap that comes while its thread writes cannot write, too.
      def undisturbed
        @writing = true
        yield
        @writing = false
        suspend if @suspended
      end

      # Ctrl-Z: the shell gets its own page meanwhile.
      def suspend
        @suspended = false
        show(LEAVE)
        mode = $stdin.console_mode if keys?
        before = trap("TSTP", "DEFAULT")
        Process.kill("TSTP", Process.pid)
        trap("TSTP", before)
        $stdin.console_mode = mode if mode
        show(ENTER)
      end
    end
  end
end
