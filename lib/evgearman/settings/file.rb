# frozen_string_literal: true

require "erb"
require "yaml"

module EVGearman
  class Settings
    # The file: what stands in it for one environment.
    #
    # @api private
    module File
      USUAL = "config/evgearman.yml"

      module_function

      # @return [Hash{String => Object}]
      # @raise [Settings::Error] for what cannot be read, or is no setting, in any section
      def read(path, environment)
        sections, common = parse(path).partition { |name, value| section?(name, value, environment) }.map(&:to_h)
        sections.each { |name, section| check(section, "#{path}, #{name}") }
        check(common, path)
        common.merge(sections[environment] || {})
      end

      # A section is a table that is no setting, and no mistaken one either.
      def section?(name, value, environment)
        return true if [environment, "development", "test", "production"].include?(name)

        known = Settings.names.map(&:to_s)
        value.is_a?(Hash) && !known.include?(name) && Settings.nearest(name, known).empty?
      end

      def check(section, place)
        section ||= {} # nothing stands below its name
        raise Error, "#{place}: must be a table of settings, not #{section.inspect}" unless section.is_a?(Hash)

        section.each_key { |name| Settings.row(name, place) }
      end

      def parse(path)
        text = ERB.new(::File.read(path, encoding: "UTF-8"), trim_mode: "-").tap { |erb| erb.filename = path }.result
        table = YAML.safe_load(text, permitted_classes: [Symbol], aliases: true, filename: path) || {}
        raise Error, "#{path}: must be a table of settings" unless table.is_a?(Hash)

        table.transform_keys(&:to_s)
      rescue SystemCallError => e
        raise Error, "cannot read #{path}: #{e.message.sub(/ @ .*/, "")}"
      rescue Error
        raise
      rescue StandardError, ScriptError => e
        words = e.message.delete_prefix("(#{path}): ") # as Psych begins
        raise Error, "#{path}: #{e.class}: #{Words.one_line(words)}"
      end
    end
  end
end
