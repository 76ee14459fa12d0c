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
  end

  it "are found before anything is done" do
    refuse(ArgumentError, /\Ajobs must answer each, unlike 5\z/) { client.submit_jobs_bg(5) }
    refuse(ArgumentError, /\Aa job is an Array/) { client.submit_jobs_bg([5]) }
    refuse(ArgumentError, /\Atasks must be Tasks, unlike 5\z/) { EVGearman::Task.all([5]) }
    refuse(ArgumentError, /\Aworkloads must answer each, not nil\z/) { client.map("f", nil) }
    expect { client.map("f", [], hots: 1) }.to raise_error(ArgumentError, /hots/)
    refuse(ArgumentError, /\Apriority must be/) { client.map("f", [], priority: :urgent) }
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
