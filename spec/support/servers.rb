# frozen_string_literal: true

# The job server that an example has: what it says with `server:`, else the usual one of this run.
module Servers
  # Ours, which is there at once and needs nothing; or gearmand with SPEC_SERVER=gearmand.
  def self.usual = ENV["SPEC_SERVER"] == "gearmand" ? Gearmand : Embedded

  # Gearmand or Embedded; on any thread of the example.
  attr_reader :server_kind

  # One for the whole suite, for specs that leave nothing behind: use function names of your own.
  def shared_server = server_kind.shared

  # One for this example alone. The options are those that both have, by the names of ours.
  def own_server(**options) = server_kind.start(**options).tap { |server| (@servers ||= []) << server }
end

RSpec.configure do |config|
  config.include Servers
  config.before do |example|
    @server_kind = example.metadata.fetch(:server) { Servers.usual }
    require_tool("gearmand") if server_kind == Gearmand
  end
end
