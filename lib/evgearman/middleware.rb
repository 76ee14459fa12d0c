# frozen_string_literal: true

require_relative "library"

module EVGearman
  # What is around each job of a worker ({Runtime.middleware}), or each submission ({EVGearman.client_middleware}): whoever
  # was added first is outermost. One is anything that answers `call` with that, and yields:
  #
  #     class Tagging
  #       def call(job) = Logger.tagged(job.handle) { yield }
  #     end
  #
  #     EVGearman::Runtime.middleware.use(Tagging)
  #
  # What it returns is the result; without a `yield` nothing is done. One object serves all threads.
  class Middleware
    def initialize
      @all = [].freeze
    end

    # Adds one, innermost.
    #
    # @param middleware [Class, #call] of a class an object is made
    # @param arguments [Array] for its `new`
    # @return [self]
    # @raise [ArgumentError] for what does not answer `call`
    def use(middleware, *arguments, **options) = insert(@all.size, middleware, *arguments, **options)

    # Adds one, outermost.
    #
    # @param (see #use)
    # @return (see #use)
    # @raise (see #use)
    def prepend(middleware, *arguments, **options) = insert(0, middleware, *arguments, **options)

    # Takes those out that are one of a class, or the object itself.
    #
    # @param middleware [Class, #call]
    # @return [self]
    def remove(middleware)
      kind = middleware.is_a?(Class) ? middleware : nil
      @all = @all.reject { |one| one.equal?(middleware) || (kind && one.instance_of?(kind)) }.freeze
      self
    end

    # @return [Array<#call>] from the outermost to the innermost
    def to_a = @all

    # Calls them all, around the block.
    #
    # @param subject [Job, Submission]
    # @return [Object] what the outermost returned
    def call(subject, &block) = @all.empty? ? yield : around(@all, 0, subject, &block)

    private

    def insert(place, middleware, *arguments, **options)
      made = middleware.is_a?(Class) ? middleware.new(*arguments, **options) : middleware
      EVGearman._blame("middleware must answer `call`") unless made.respond_to?(:call)

      @all = @all.dup.insert(place, made).freeze
      self
    end

    def around(all, place, subject, &block)
      return yield if place == all.size

      all[place].call(subject) { around(all, place + 1, subject, &block) }
    end
  end
end
