# frozen_string_literal: true

# As in gearman-ruby, but for their ancestor, which is Exception there: `rescue => e` finds these.
module Gearman
  # A Task was made with an option that there is not.
  class InvalidArgsError < ArgumentError; end

  # The server said no.
  class ProtocolError < StandardError; end

  # The connection ended, or could not be made.
  class NetworkError < StandardError; end

  # There is no server that could be reached.
  class NoJobServersError < NetworkError; end

  # A job could not be queued.
  class JobQueueError < StandardError; end

  # It took longer than it was to.
  class SocketTimeoutError < StandardError; end

  # Is raised by nobody, here as there.
  class ServerDownException < StandardError; end
end
