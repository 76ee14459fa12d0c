# frozen_string_literal: true

module EVGearman
  class Runtime
    # What is loaded before there is anything to do.
    #
    # @api private
    module Application
      RAILS = "config/environment.rb"

      module_function

      # @raise [Failure] that says what does not load, and why
      def load(settings)
        ENV["RAILS_ENV"] ||= settings.environment
        files(settings).each { |path| load_file(path) }
      end

      # A folder is that of a Rails application; so is this one, when nothing else is said and it looks like one.
      def files(settings)
        said = settings[:require]
        said = ["."] if said.empty? && ::File.exist?(RAILS)
        said.map { |path| ::File.directory?(path) ? ::File.join(path, RAILS) : path }
      end

      # We are there before Rails is, so nobody else loads what it has of us.
      def require_rails(environment)
        boot = ::File.join(::File.dirname(environment), "boot.rb")
        require boot if ::File.exist?(boot)
        require "rails"
        require "evgearman/railtie"
      end

      def load_file(path)
        full = ::File.expand_path(path)
        raise Failure, "cannot load #{path}: there is no such file" unless ::File.exist?(full) || ::File.exist?("#{full}.rb")

        require_rails(full) if path.end_with?(RAILS)
        require full
      rescue StandardError, ScriptError => e
        raise if e.is_a?(Failure)

        raise Failure, "cannot load #{path}: #{e.class}: #{Words.one_line(e.message)} (#{e.backtrace&.first})"
      end
    end
  end
end
