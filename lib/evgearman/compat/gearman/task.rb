# frozen_string_literal: true

require "digest/sha1"

module Gearman
  # A job to be submitted, and what is to be done with what comes of it.
  class Task
    # What a block may be given for, also as an option of the same name.
    EVENTS = %i[on_complete on_fail on_retry on_exception on_status on_warning on_data].freeze

    # Further options.
    OPTIONS = %i[uniq retry_count priority hash background schedule_at].freeze
    private_constant :EVENTS, :OPTIONS

    # @return [String] function
    attr_reader :func
    # @return [Object] workload, whose `to_s` is sent
    attr_reader :arg
    # @return [Boolean] did it end well when it was last run?
    attr_reader :successful
    # @return [Integer] how often it was submitted again
    attr_reader :retries_done
    # @return [String, nil] tasks of one function with one of these are one job; nil: those of one function with one workload
    attr_accessor :uniq
    # @return [Integer] how often it is submitted again when it fails
    attr_accessor :retry_count
    # @return [Symbol, nil] :high or :low
    attr_accessor :priority
    # @return [Boolean, nil] is it over when the server has it?
    attr_accessor :background
    # @return [Time, Numeric, nil] when it is to be run
    attr_accessor :epoch

    # @param func [#to_s] function
    # @param arg [#to_s] workload
    # @param opts [Hash] `uniq`, `retry_count`, `priority`, `background`, `schedule_at`, `hash` (the unique key as it is
    #   sent), and callables: `on_complete`, `on_fail`, `on_retry`, `on_exception`, `on_status`, `on_warning`, `on_data`
    # @raise [InvalidArgsError] for any other
    def initialize(func, arg = "", opts = {})
      unknown = opts.keys - EVENTS - OPTIONS
      raise InvalidArgsError, "Invalid task args: #{unknown.sort.join(", ")}" if unknown.any?

      @func = func.to_s
      @arg = arg
      @blocks = opts.slice(*EVENTS)
      @uniq, @retry_count, @priority, @hash, @background, @epoch = opts.values_at(*OPTIONS)
      @retry_count ||= 0
      reset_state
    end

    # @param time [Time, Numeric] before which it is not run; it is a background job then
    def schedule(time)
      @epoch = time
    end

    # @!method on_complete
    #   @yield [result]
    # @!method on_fail
    #   @yield when it failed, and is not submitted again
    # @!method on_retry
    #   @yield [count] before it is submitted again
    # @!method on_exception
    #   @yield [message] of the exception that ended it
    # @!method on_status
    #   @yield [numerator, denominator] as Strings
    # @!method on_warning
    #   @yield [warning]
    # @!method on_data
    #   @yield [data] a part of the result
    # @!method on_created
    #   @yield [handle] when the server has it
    [*EVENTS, :on_created].each do |event|
      define_method(event) { |&block| @blocks[event] = block }
    end

    # It was not run yet.
    #
    # @return [self]
    def reset_state
      @retries_done = 0
      @successful = false
      self
    end

    # Is it over when the server has it?
    #
    # @api private
    def background? = !!(background || epoch)

    # @return [String] the unique key that is sent: as gearman-ruby makes it, so that jobs of both are one
    def get_uniq_hash = @hash ||= Digest::SHA1.hexdigest(uniq.nil? ? func + arg.to_s : uniq)

    # @api private
    def handle_completion(data)
      @successful = true
      tell(:on_complete, data)
    end

    # @return [Boolean] is it to be submitted again?
    # @api private
    def handle_failure
      if retries_done >= retry_count
        tell(:on_fail)
        return false
      end
      @retries_done += 1
      tell(:on_retry, retries_done)
      true
    end

    # @api private
    def handle_created(handle) = tell(:on_created, handle)
    # @api private
    def handle_exception(message) = tell(:on_exception, message)
    # @api private
    def handle_status(numerator, denominator) = tell(:on_status, numerator, denominator)
    # @api private
    def handle_warning(message) = tell(:on_warning, message)
    # @api private
    def handle_data(data) = tell(:on_data, data)

    private

    def tell(event, *args)
      @blocks[event]&.call(*args)
      self
    end
  end

  # One that is over when the server has it.
  class BackgroundTask < Task
    # @param (see Task#initialize)
    def initialize(*)
      super
      @background = true
    end
  end
end
