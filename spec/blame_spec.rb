# frozen_string_literal: true

# Fails when what a caller did wrong is not named, or is blamed on a line of ours.
RSpec.describe "Wrong arguments" do
  let(:client) { keep(EVGearman::Client.new(port: 1, loop: loop, on_error: nil)) }
  let(:worker) { keep(EVGearman::Worker.new(port: 1, loop: loop, on_error: nil)) }

  def refuse(klass, message, &wrong)
    expect(&wrong).to raise_error(klass) { |error|
      expect(error.message).to match(message)
      expect(error.backtrace.first).to start_with(__FILE__)
    }
  end

  it "are named, with what they are" do
    refuse(TypeError, /\Afunction must be a String, not :f\z/) { client.call(:f) }
    refuse(TypeError, /\Afunction must be a String, not nil\z/) { client.submit_job_bg(nil) }
    refuse(TypeError, /\Afunction must be a String, not Hash\z/) { worker.register_function({}) { |job| job } }
    refuse(TypeError, /\Aworkload must be a String, not 5 \(coder: encodes other values\)\z/) { client.call("f", 5) }
    refuse(TypeError, /\Aunique must be a String, not 5\z/) { client.submit_job("f", unique: 5) }
    refuse(TypeError, /\Adata must be a String, not :x\z/) { client.echo(:x) }
    refuse(TypeError, /\Ahandle must be a String, not nil\z/) { client.get_status(nil) }
    refuse(ArgumentError, /\Acommand_timeout: must not be negative\z/) { client.command_timeout = -1 }
    refuse(ArgumentError, /\Atimeout: must not be negative\z/) { client.submit_job("f", timeout: -1) }
    refuse(ArgumentError, /\Aserver_timeout must lie between 1 and/) { worker.can_do("f", server_timeout: 0.5) }
    refuse(ArgumentError, /\Aunique must be 1 to 63 bytes without NUL\z/) { client.get_status_unique("") }
    refuse(ArgumentError, /\Aon_finish needs a block\z/) { client.submit_job("f").on_finish }
  end

  it "are named where a server is said" do
    refuse(TypeError, /\Ahost: must be a String, not :h\z/) { EVGearman::Client.new(host: :h) }
    refuse(TypeError, /\Ahost: must be a String, not 5\z/) { client.connect(5) }
    refuse(TypeError, /\Apath: must be a String, not 5\z/) { EVGearman::Client.new(path: 5) }
    refuse(TypeError, /\Aloop: must be a Loop, not Integer\z/) { EVGearman::Client.new(loop: 5) }
    refuse(TypeError, /\Apath: must be a String, not nil\z/) { client.connect_unix(nil) }
    refuse(ArgumentError, /\Aport: must be a number, not "x"\z/) { EVGearman::Client.new(port: "x") }
    refuse(ArgumentError, %r{\Aunix:// needs an absolute path}) { EVGearman::Client.new(url: "unix://x") }
    refuse(ArgumentError, /\Acannot read the address/) { EVGearman::Client.new(url: "gearman://me@h") }
  end

  it "are named where a session is told the time, which is whatever has a to_f" do
    session = EVGearman::Protocol::ClientSession.new(now: -5)
    refuse(ArgumentError, /\Anow: must be a number of seconds, not "x"\z/) { session.tick("x") }
    refuse(ArgumentError, /\Anow: must be a number of seconds, not nil\z/) { session.tick(nil) }
    refuse(ArgumentError, /\Anow: must be finite\z/) { session.tick(Float::INFINITY) }
    expect(session.tick(Struct.new(:to_f).new(1.5))).to eq([])
  end

  it "are found before anything is done" do
    refuse(ArgumentError, /\Ajobs must answer each, unlike 5\z/) { client.submit_jobs_bg(5) }
    refuse(ArgumentError, /\Aa job is an Array/) { client.submit_jobs_bg([5]) }
    refuse(ArgumentError, /\Aa job is an Array/) { client.submit_jobs_bg([["f", "w", 5]]) }
    refuse(ArgumentError, /\Atasks must be Tasks, unlike 5\z/) { EVGearman::Task.all([5]) }
    refuse(ArgumentError, /\Aworkloads must answer each, not nil\z/) { client.map("f", nil) }
    expect { client.map("f", [], hots: 1) }.to raise_error(ArgumentError, /hots/)
    refuse(ArgumentError, /\Apriority must be/) { client.map("f", [], priority: :urgent) }
    refuse(TypeError, /\Afunction must be a String, not :f\z/) { client.map(:f, []) }
    refuse(ArgumentError, /\Afunction must be 1 to 512 bytes/) { client.map("", []) }
    refuse(ArgumentError, /\Atimeout: must not be negative\z/) { client.map("f", [], timeout: -1) }
    refuse(TypeError, /\Aunique must be a String, not 5\z/) { client.map("f", [], unique: 5) }
    refuse(ArgumentError, /\Aon_data needs something/) { client.map("f", [], on_data: 5) }
    refuse(ArgumentError, /\Acoder must answer dump/) { client.map("f", [], coder: 5) }
    refuse(ArgumentError, /\Aencoding must be/) { client.map("f", [], encoding: "nonsense") }
    refuse(ArgumentError, /\Aattempts must be a whole number from 0 to 1000000\z/) { client.reconnect(true, nil, -1) }
    refuse(ArgumentError, /\Adelay: must not be negative\z/) { client.reconnect(true, -1) }
    refuse(ArgumentError, /\Acommand_timeout: must not be negative\z/) { EVGearman.configure { |c| c.command_timeout = -1 } }
  end

  it "are blamed on who gave them, also through C and through constructors" do
    refuse(ArgumentError, /\Afunction must be 1 to 512 bytes/) { client.call("") }
    refuse(ArgumentError, /\Aunknown option: colour\z/) { EVGearman::Client.new(colour: 1) }
    refuse(ArgumentError, /\Aunknown scheme/) { EVGearman::Client.new(url: "ftp://x") }
    refuse(ArgumentError, /needs a block/) { loop.after(1) }
    refuse(ArgumentError, /\Agive either at: or in:\z/) { client.enqueue("f", at: 0, in: 1) }
    refuse(TypeError, /\Aa command is/) { EVGearman::Protocol.encode(nil) }
  end
end
