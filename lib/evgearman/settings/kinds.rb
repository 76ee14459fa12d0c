# frozen_string_literal: true

module EVGearman
  class Settings
    # What a setting can be. Each reads what YAML, the environment or a flag has, and raises ArgumentError with what it
    # has to be.
    #
    # @api private
    module Kinds
      # @return [Object] what a String or a value out of YAML stands for
      Kind = Struct.new(:must, :reader) do
        def read(value)
          found = reader.call(value)
          found.nil? ? raise(ArgumentError, must) : found
        rescue ArgumentError, TypeError, NoMethodError
          raise ArgumentError, must
        end
      end

      WORDS = { "true" => true, "yes" => true, "on" => true, "1" => true,
                "false" => false, "no" => false, "off" => false, "0" => false }.freeze

      def self.text
        Kind.new("must be a text", ->(value) { String.try_convert(value.is_a?(Symbol) ? value.to_s : value) })
      end

      def self.boolean = Kind.new("must be true or false", ->(value) { WORDS[value.to_s.downcase] })

      # Names, as a list or with commas between them.
      def self.list
        Kind.new("must be a list", lambda do |value|
          items = value.is_a?(Array) ? value : text.read(value).split(",")
          items.map { |item| text.read(item).strip }.reject(&:empty?).freeze
        end)
      end

      def self.whole(least)
        Kind.new("must be a whole number from #{least}", lambda do |value|
          number = value.is_a?(String) ? Integer(value, 10) : value
          number if number.is_a?(Integer) && number >= least
        end)
      end

      def self.seconds
        Kind.new("must be seconds from 0", lambda do |value|
          number = value.is_a?(String) ? Float(value) : value
          number if number.is_a?(Numeric) && number >= 0
        end)
      end

      def self.one_of(*words)
        Kind.new("must be one of #{words.join(", ")}", ->(value) { value.to_s if words.include?(value.to_s) })
      end

      # A number of jobs, or `auto`.
      def self.ahead
        Kind.new("must be a whole number from 0, or auto", lambda do |value|
          value.to_s == "auto" ? :auto : whole(0).read(value)
        end)
      end

      # true, false, or what {Connection#initialize} takes: a Hash in the file, `ca_file=ca.pem,verify=false` elsewhere.
      def self.tls
        known = TLS::CLIENT.keys
        Kind.new("must be true, false, or of #{known.join(", ")}", lambda do |value|
          next WORDS[value.to_s.downcase] if WORDS.key?(value.to_s.downcase)

          pairs = value.is_a?(Hash) ? value : text.read(value).split(",").to_h { |pair| pair.split("=", 2) }
          options = pairs.to_h { |name, said| [name.to_s.strip.to_sym, WORDS.fetch(said.to_s, said)] }
          options if (options.keys - known).empty?
        end)
      end
    end
  end
end
