# frozen_string_literal: true

require "evgearman"
require "rbs"
require "rbs/test"

# Required by RSpec in `rake sig:test`: compares each call of the gem with its signature, and fails when they disagree. A
# call that raises is left out: specs give what cannot be on purpose. So is a constructor that a subclass's calls: with more.
module SignatureCheck
  SAMPLE = 100 # of a collection's elements

  @found = {}

  class << self
    # Once for each message, with the first example that met it.
    def note(errors)
      errors.each do |error|
        @found[RBS::Test::Errors.to_string(error)] ||= RSpec.current_example&.location
      end
    end

    def install
      tester = RBS::Test::Tester.new(env: environment)
      signed = tester.env.class_decls.keys.map { |name| name.to_s.delete_prefix("::") }
      signed.grep(/\AEVGearman/).each do |name|
        tester.install!(Object.const_get(name), sample_size: SAMPLE, unchecked_classes: [])
      end
    end

    def report
      return if @found.empty?

      raise ["sig/ disagrees:", *@found.map { |message, location| "  #{location}: #{message}" }].join("\n")
    end

    private

    def environment
      loader = RBS::EnvironmentLoader.new
      loader.add(path: Pathname("sig"))
      RBS::Environment.from_loader(loader).resolve_type_names
    end
  end

  # In place of raising into the call, which may be in a block or on a thread of its own.
  module Noting
    def call(receiver, trace)
      super unless trace.method_call.exception? || inherited?(receiver, trace.method_name)
    rescue RBS::Test::Tester::TypeError => e
      SignatureCheck.note(e.errors)
    end

    private

    def inherited?(receiver, name)
      name == :initialize && receiver.class.instance_method(name).owner != self_class
    end
  end
end

RBS.logger_level = "error"
RBS::Test::Tester::MethodCallTester.prepend(SignatureCheck::Noting)
SignatureCheck.install
RSpec.configure { |config| config.after(:suite) { SignatureCheck.report } }
