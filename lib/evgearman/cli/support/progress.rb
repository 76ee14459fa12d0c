# frozen_string_literal: true

require_relative "terminal"
require_relative "times"

module EVGearman
  module CLI
    # What is seen of a job while one waits for it: a bar on stderr if that is a terminal, and below it nothing else. What
    # the job prints goes above.
    #
    # @api private
    class Progress
      WIDEST = 40
      BETWEEN = 0.05 # two drawings, in seconds
      private_constant :WIDEST, :BETWEEN

      # @return [String] how the job is, when it does not tell itself
      attr_writer :state

      # @param function [String]
      def initialize(function)
        @function = Words.one_line(function)
        @terminal = Terminal.new($stderr)
        @shown = @terminal.tty?
        @start = @last = now
        @state = "is submitted"
      end

      # Is there anybody who sees it?
      def shown? = @shown

      # Has the job said how far it is?
      def known? = !@done.nil?

      # How far the job is.
      def at(done, all)
        @done = done
        @all = all
        draw if now - @last >= BETWEEN
      end

      # @param bytes [String] of the job, which goes on
      def data(bytes)
        print(bytes)
        draw
      end

      # @param bytes [String] of the job, as they are
      def print(bytes)
        erase
        $stdout.write(bytes)
        $stdout.flush
        @inside = $stdout.tty? && !bytes.end_with?("\n") unless bytes.empty?
      end

      # @param bytes [String] of the job, for people
      def warn(bytes)
        erase
        bytes.each_line { |line| $stderr.puts(@terminal.paint("warning: #{Words.one_line(line.chomp)}", :yellow)) }
        draw
      end

      # Not inside of a line that the job has begun.
      def draw
        return if !@shown || @inside

        @last = now
        @terminal.out.write("\r#{line}\e[K")
        @drawn = true
      end

      # It leaves nothing behind.
      def erase
        @terminal.out.write("\r\e[K") if @drawn
        @drawn = false
      end

      # What follows begins a line.
      def finish
        erase
        puts if @inside
        @inside = false
      end

      private

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

      def line
        time = Times.clock(now - @start)
        return "#{@function}  #{known? ? @done : @state}  #{time}"[0, width] if @all.to_i.zero?

        ratio = @done.fdiv(@all).clamp(0.0, 1.0)
        rest = format("  %3d %%  %d/%d  %s", ratio * 100, @done, @all, time)
        room = [width - rest.size - @function.size - 2, WIDEST].min
        room < 5 ? "#{@function}#{rest}"[0, width] : "#{@function}  #{bar(ratio, room)}#{rest}"
      end

      # One less than there is, for terminals that go on to the next line by themselves.
      def width = @terminal.columns - 1

      def bar(ratio, room)
        full, empty = @terminal.unicode? ? %w[█ ░] : %w[# .]
        filled = (ratio * room).floor
        @terminal.paint(full * filled, :green) + (empty * (room - filled))
      end
    end
  end
end
