# frozen_string_literal: true

RSpec.describe "evgearman's screen", :cli do
  page, drawn, back = "\e[?1049h", "\e[J", "\e[?1049l"

  # Draws a page that does not fit into a pipe.
  program = <<~'RUBY'
    require "evgearman/cli/support/screen"
    require "evgearman/cli/support/terminal"
    terminal = EVGearman::CLI::Terminal.new($stdout)
    def terminal.tty? = true
    def terminal.rows = 1_000
    EVGearman::CLI::Screen.open(terminal) { |screen| screen.draw(["x" * 1_000] * 200) }
  RUBY

  it "is suspended behind a page that is being written, not within it" do
    IO.pipe do |reader, out|
      pid = spawn(*ruby, "--disable=gems", "-e", program, out: out, in: File::NULL, pgroup: true)
      out.close
      text = reader.read(10_000)
      Process.kill("TSTP", pid)
      text << reader.readpartial(100_000) until text.end_with?(back)
      expect(Process.wait2(pid, Process::WUNTRACED).last).to be_stopped
      Process.kill("CONT", pid)
      text << reader.read
      expect(Process.wait2(pid).last).to be_success
      expect(text.scan(/\e\[\?1049[hl]|\e\[J/)).to eq([page, drawn, back, page, back])
    end
  end
end
