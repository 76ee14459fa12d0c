# frozen_string_literal: true

module EVGearman
  # Whatever goes wrong, but for wrong arguments (ArgumentError, TypeError).
  #
  # Its message begins with words that are the same for each error of its kind ("disconnected", "QUEUE_ERROR"). What is known
  # follows: what the worker, the server or the system said; function and handle; and the server, in parentheses:
  #
  #     exception: no such page, of show_page H:vm:3 (127.0.0.1:4730)
  #     connect failed: Connection refused (127.0.0.1:4730)
  class Error < StandardError
    # @return [String, nil] "host:port" of the server, or the path of its socket
    attr_reader :server

    # What is known about the request that failed: `:not_sent` (the server has nothing of it: no byte was written,
    # or it refused it), `:unacknowledged` (written; the server said nothing), `:accepted` (JOB_CREATED was read),
    # `:running` (a worker was heard about it). nil where it is not about one request.
    #
    # @return [Symbol, nil]
    attr_reader :delivery

    # Is it safe, and may it help, to make the same request again? True when the server has nothing of it, or when
    # the request had a unique key, for errors of the connection and timeouts; and for a full queue, later.
    #
    # @return [Boolean]
    def retriable?
      retriable_kind? && (delivery == :not_sent || @keyed == true)
    end

    private

    def retriable_kind?
      false
    end
  end

  # Something about the way to the server: "closed" (by our own `close`), "already connected", "not open".
  class ConnectionError < Error
    private

    def retriable_kind?
      true
    end
  end

  # "connect failed", and what the system said: "connect failed: Connection refused".
  class ConnectError < ConnectionError; end

  # "connect timeout": one address did not answer within `connect_timeout`.
  class ConnectTimeoutError < ConnectError; end

  # "connect failed: cannot resolve host": its name is not known, or not within `connect_timeout`.
  class ResolveError < ConnectError; end

  # "TLS failed", and what OpenSSL says of it: "TLS failed: certificate verify failed: certificate has expired". The two
  # sides do not come together, and would not if they tried again; what may be mended by that is a {ConnectError} or a
  # {DisconnectedError}. Also "built without OpenSSL".
  class TLSError < ConnectionError
    private

    def retriable_kind?
      false
    end
  end

  # The connection ended. A request: "disconnected". To `on_error`: "connection closed by server" or "connection failed", and
  # what the system said.
  class DisconnectedError < ConnectionError; end

  # "max reconnect attempts reached: …": it gives up after `max_reconnect_attempts` failures in a row, of which this was
  # the last.
  class ReconnectExhaustedError < ConnectionError; end

  # "forked": the process did while the request was under way; only the parent hears of its outcome.
  class ForkedError < ConnectionError
    private

    def retriable_kind?
      false
    end
  end

  # Time ran out: for a command, a job, or a wait: "timeout", by `value(timeout)`.
  class TimeoutError < Error
    private

    def retriable_kind?
      true
    end
  end

  # "command timeout": not written, or no reply, within {Connection#command_timeout}.
  class CommandTimeoutError < TimeoutError; end

  # "job timeout": the job did not end within its `timeout:`.
  class JobTimeoutError < TimeoutError; end

  # The server sent what it may not, and the connection was closed: "invalid response magic", "response packet too large",
  # "response text too large", "malformed packet", "unexpected admin response", and "unexpected reply", behind which stands
  # which reply to what.
  class ProtocolError < Error; end

  # A packet above `max_packet`. One of ours ("payload too large"): raised before anything is sent. A job or a result: how it
  # ended, for its worker's `on_callback_error` or its Task.
  class PacketTooLargeError < Error; end

  # The server said no: "CODE: text"; "server error: text" where it gave no code.
  class ServerError < Error
    # @return [String, nil] "QUEUE_ERROR", "UNKNOWN_OPTION" …
    attr_reader :code
  end

  # "QUEUE_ERROR": the queue of that function is full.
  class QueueFullError < ServerError
    private

    def retriable_kind?
      true
    end
  end

  # "ARGUMENT_TOO_LARGE": the server refuses a name or a key of that length.
  class ArgumentTooLargeError < ServerError; end

  # "unsupported command", or the code of a server that said so itself: it does not know this command.
  class UnsupportedCommandError < ServerError; end

  # "JOB_NOT_FOUND" or "UNKNOWN_JOB": the server does not know that job.
  class JobNotFoundError < ServerError; end

  # A job ended badly.
  class JobError < Error
    # @return [String] the job's handle
    attr_reader :handle
  end

  # The worker said WORK_FAIL: "job failed".
  class JobFailedError < JobError; end

  # The worker said WORK_EXCEPTION: "exception", and what it said: the first 1000 bytes, as text; {#data} has all of it.
  class JobExceptionError < JobError
    # @return [String] what the worker sent, BINARY
    attr_reader :data
  end

  # "job lost": the server does not know the job any more, and never said how it ended.
  class JobLostError < JobError; end

  # "job already finished": it had its one answer.
  class JobFinishedError < Error; end

  # "no job": the answer to {Worker#grab_job} when there is none.
  class NoJobError < Error; end

  # "too many unsent bytes": more than `max_unsent` wait to be written.
  class BackpressureError < Error; end

  # "already working": two things at once that exclude each other.
  class ConcurrencyError < Error; end
end
