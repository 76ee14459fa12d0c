# frozen_string_literal: true

require "rake"
require_relative "cli"

module EVGearman
  # Tasks for Rake: `require "evgearman/tasks"` in a Rakefile. They are commands of `evgearman`, which find what they need in
  # `config/evgearman.yml` and in the environment.
  #
  # @api private
  module Tasks
    extend Rake::DSL

    # Runs a command, and ends Rake as that ended, unless it went well.
    def self.command(*arguments)
      code = CLI.run(arguments)
      exit(code) unless code == CLI::DONE
    end

    namespace :evgearman do
      desc "Run jobs until TERM or INT"
      task(:work) { Tasks.command("work") }

      desc "Run jobs until there are none"
      task(:drain) { Tasks.command("work", "--drain") }

      { status: "Functions, their jobs and workers", workers: "Workers and what they do",
        check: "Is all as it should be?" }.each do |name, text|
        desc text
        task(name) { Tasks.command(name.to_s) }
      end
    end
  end
end
