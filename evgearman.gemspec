# frozen_string_literal: true

require_relative "lib/evgearman/version"

Gem::Specification.new do |spec|
  spec.name = "evgearman"
  spec.version = EVGearman::VERSION
  spec.authors = ["The evgearman maintainers"]
  spec.summary = "Asynchronous Gearman client, worker and job server on libev"
  spec.description = "Speaks the Gearman protocol itself, in C, on libev: an asynchronous client and worker, " \
                     "synchronous calls from any thread or fiber, and an embedded job server for development and tests."
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  # Its page at the registry, which links to the documentation of each version, the changelog in it.
  spec.homepage = "#{Gem::DEFAULT_HOST}/gems/#{spec.name}"
  spec.metadata = {
    "rubygems_mfa_required" => "true", "homepage_uri" => spec.homepage,
    "changelog_uri" => "#{spec.homepage}/versions/#{spec.version}"
  }

  spec.files = Dir["lib/**/*.rb", "lib/**/*.{rake,tt}", "ext/**/*.{c,h,rb}", "ext/**/depend", "exe/*", "sig/**/*.rbs",
                   "docs/*.md", "README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE.txt"]
  spec.extensions = ["ext/evgearman/extconf.rb"]
  spec.bindir = "exe"
  spec.executables = Dir["exe/*"].map { |path| File.basename(path) }
  spec.extra_rdoc_files = ["README.md", "CHANGELOG.md"]
  spec.rdoc_options = ["--main", "README.md", "--markup", "markdown", "--exclude", "extconf\\.rb"]

  spec.add_development_dependency "async", "~> 2.0"
  spec.add_development_dependency "gearman-ruby", "~> 4.0"
  spec.add_development_dependency "nio4r", "~> 2.7"
  spec.add_development_dependency "prometheus-client", ">= 4", "< 6"
  spec.add_development_dependency "puma", ">= 6", "< 9"
  spec.add_development_dependency "rake", "~> 13.0"
  spec.add_development_dependency "rake-compiler", "~> 1.2"
  spec.add_development_dependency "rbs", ">= 2.1", "< 5"
  spec.add_development_dependency "rspec", "~> 3.12"
  spec.add_development_dependency "rubocop", "~> 1.60"
  spec.add_development_dependency "webrick", "~> 1.8"
  spec.add_development_dependency "yard", "~> 0.9"
end
