# frozen_string_literal: true

require "rbs"
require "yard"

# What else the signatures name.
require "evgearman/testing"
require "evgearman/testing/matchers"
require "evgearman/testing/assertions"
require "evgearman/active_job/service" # without Active Job, which it needs when there is a job
require "evgearman/compat/gearman"
require "evgearman/runtime"
require "evgearman/client_middleware"

# Before anything is run: the parser of rbs 2 crashes once a spec has had the collector move objects.
Signatures.signed

RSpec.describe "The signatures" do
  let(:signed) { Signatures.signed }
  let(:loaded) { Signatures.loaded }

  # `{ name => [what is signed, what the method takes] }`, of methods whose arguments Ruby tells
  def both
    loaded.methods.filter_map do |path, method|
      taken = Signatures.arguments_of(method)
      overloads = signed.methods[path]
      [path, Signatures.together(overloads), taken] if taken && overloads
    end
  end

  def signed_keywords(path) = Signatures.together(signed.methods.fetch("EVGearman::#{path}")).keywords
  def keywords_of(name) = Signatures.arguments_of(loaded.methods.fetch("EVGearman::#{name}#initialize")).keywords

  def expect_the_same(signed, loaded)
    expect(unsigned: loaded - signed, unknown: signed - loaded).to eq(unsigned: [], unknown: [])
  end

  it "name every public class and module, and no other" do
    expect_the_same(signed.modules, loaded.modules)
  end

  it "name every public constant, and no other" do
    expect_the_same(signed.constants, loaded.constants)
  end

  # A WorkerSession inherits its constructor, and knows more options.
  it "name every public method, and no other" do
    expect_the_same(signed.methods.keys - ["EVGearman::Protocol::WorkerSession#initialize"], loaded.methods.keys)
  end

  it "have the superclasses and modules that classes have" do
    loaded.modules.map { |name| Object.const_get(name) }.each do |mod|
      expect(signed.ancestors(mod.name)).to eq(loaded.ancestors(mod))
    end
  end

  it "take as many arguments as the methods do" do
    wrong = both.reject { |_, sig, method| [sig.least, sig.most] == [method.least, method.most] }
    expect(wrong).to be_empty
  end

  it "take the keywords that the methods do" do
    wrong = both.reject do |_, sig, method|
      method.any_keyword ? (method.keywords - sig.keywords).empty? : sig.keywords.sort == method.keywords.sort
    end
    expect(wrong).to be_empty
  end

  it "take a block where the methods name one" do
    expect(both.select { |_, sig, method| method.block && !sig.block }).to be_empty
  end

  it "take the options that constructors do" do
    connection = EVGearman::Connection::DEFAULTS.keys + EVGearman::Connection::HOOKS + keywords_of("Connection")
    session = EVGearman::Protocol::Session::OPTIONS + keywords_of("Protocol::Session")
    worker = EVGearman::Worker::WORKER_DEFAULTS.keys
    expect_the_same(signed_keywords("Connection#initialize"), connection)
    expect_the_same(signed_keywords("Worker#initialize"), connection + worker + keywords_of("Worker"))
    expect_the_same(signed_keywords("Protocol::Session#initialize"), session)
    expect_the_same(signed_keywords("Protocol::WorkerSession#initialize"), session + worker)
  end

  it "take the options of submit_job wherever these are passed on" do
    options = signed_keywords("Client#submit_job")
    %w[submit_job_high submit_job_low call map].each do |name|
      expect(signed_keywords("Client##{name}")).to include(*options)
    end
  end
end
