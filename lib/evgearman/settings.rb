# frozen_string_literal: true

require_relative "library"
require_relative "settings/kinds"
require_relative "settings/table"
require_relative "settings/file"

module EVGearman
  # What `evgearman` and its workers are told: by flags, by the environment and by a file, in this order. What nobody says
  # has its default.
  #
  #     settings = EVGearman::Settings.load({ concurrency: 10 })
  #     settings[:concurrency]        # => 10
  #     settings.source(:servers)     # => "config/evgearman.yml"
  #     EVGearman::Client.new(**settings.connection)
  #
  # The file is YAML, passed through ERB. Its sections that have the name of an environment (`production:`) hold for that one
  # only, over what stands outside of them. In the environment a setting is `EVGEARMAN_` and its name; servers may also be in
  # `GEARMAN_SERVERS`, as libgearman has it.
  #
  # Frozen; any thread may use it.
  class Settings
    # A setting that is not known, or cannot be what it is said to be. It tells where that was said.
    class Error < ArgumentError; end

    class << self
      # @param flags [Hash{Symbol => Object}] what was said by flags
      # @param env [Hash{String => String}, ENV]
      # @param file [String, nil] nil: `EVGEARMAN_CONFIG`, else `config/evgearman.yml`, if that is there
      # @param environment [String, nil] nil: `EVGEARMAN_ENV`, `RAILS_ENV`, `RACK_ENV`, else "development"
      # @return [Settings]
      # @raise [Settings::Error]
      def load(flags = {}, env: ENV, file: nil, environment: nil)
        environment ||= environment_of(env)
        stated = [of_flags(flags), of_environment(env), of_file(env, file, environment)]
        new(environment, stated.reverse.reduce(:merge))
      end

      # The names of all that can be set.
      #
      # @return [Array<Symbol>]
      def names = TABLE.map(&:name)

      # @return [Row] of that name
      # @raise [Settings::Error] with the nearest one that there is
      # @api private
      def row(name, source)
        found = TABLE.find { |row| row.name.to_s == name.to_s }
        found or raise Error, "#{source}: unknown setting #{name}#{nearest(name, names)}"
      end

      # What is added to a complaint about a name.
      #
      # @return [String] "; did you mean tls?", or nothing
      # @api private
      def nearest(name, known)
        require "did_you_mean" unless defined?(DidYouMean::SpellChecker)
        near = DidYouMean::SpellChecker.new(dictionary: known.map(&:to_s)).correct(name.to_s).first
        near ? "; did you mean #{near}?" : ""
      end

      private

      def environment_of(env)
        %w[EVGEARMAN_ENV RAILS_ENV RACK_ENV].map { |name| env[name] }.find { |value| !value.to_s.empty? } || "development"
      end

      def of_flags(flags)
        flags.to_h { |name, value| [name, said(row(name, "flags"), value, row(name, "flags").flag)] }
      end

      def of_environment(env)
        TABLE.each_with_object({}) do |row, found|
          variable = row.variables.find { |name| !env[name].to_s.empty? }
          found[row.name] = said(row, env[variable], variable) if variable
        end
      end

      def of_file(env, file, environment)
        given = file || env["EVGEARMAN_CONFIG"]
        return {} unless given || ::File.exist?(File::USUAL)

        path = given || File::USUAL
        File.read(path, environment).to_h { |name, value| row(name, path).then { |row| [row.name, said(row, value, path)] } }
      end

      def said(row, value, source)
        [row.kind.read(value), source]
      rescue ArgumentError, TypeError => e
        raise Error, "#{source}: #{row.name} #{e.message}, not #{value.inspect}"
      end
    end

    # @return [String] "production", "development" …
    attr_reader :environment

    # @param environment [String]
    # @param said [Hash{Symbol => Array}] value and source
    # @api private
    def initialize(environment, said)
      @environment = environment
      @said = said.freeze
      freeze
    end

    # @param name [Symbol]
    # @return [Object] what was said, else the default
    # @raise [Settings::Error] for a name that is none
    def [](name)
      row = self.class.row(name, "settings")
      @said.fetch(row.name) { [row.default] }.first
    end

    # Was it said by anybody?
    #
    # @param name [Symbol]
    # @return [Boolean]
    def said?(name) = @said.key?(name)

    # Who said it.
    #
    # @param name [Symbol]
    # @return [String] a flag, a variable of the environment, the path of a file, or "default"
    def source(name) = @said.dig(name, 1) || "default"

    # @return [Hash{Symbol => Object}] all of them
    def to_h = self.class.names.to_h { |name| [name, self[name]] }

    # Which servers, and how: what was said of it, for {Client#initialize} and {Worker#initialize}.
    #
    # @return [Hash]
    def connection
      options = {}
      options[:tls] = self[:tls] if said?(:tls)
      return options unless said?(:servers)

      one, *others = self[:servers]
      options.merge(others.empty? ? { url: one } : { servers: self[:servers] })
    end

    # @return [String] without values: there may be secrets among them
    def inspect = "#<#{self.class} #{environment} #{@said.keys.join(" ")}>"
  end
end
