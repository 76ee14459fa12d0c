# frozen_string_literal: true

# Perl's Gearman::Server on a free port of the loopback interface, from where bin/setup unpacked it.
class PerlServer < Gearmand
  HOME = File.expand_path("../../../tmp/peers/gearman-server", __dir__)
  PROGRAM = File.join(HOME, "usr/bin/gearmand")

  def self.there? = File.exist?(PROGRAM)

  private

  def spawn_it
    command = ["perl", "-I#{HOME}/usr/share/perl5", PROGRAM, "--listen", host, "--port", port.to_s, *@args]
    @pid = Process.spawn(Requirements::PLAIN, *command, chdir: dir, %i[out err] => log)
  end

  def answers?
    ask("version").start_with?("v")
  rescue SystemCallError, NoMethodError
    false
  end
end
