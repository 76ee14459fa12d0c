# frozen_string_literal: true

require "rbs"
require "yard"

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

  it "name every public class and module, and no other" do
    expect(signed.modules).to eq(loaded.modules)
  end

  it "name every public constant, and no other" do
    expect(signed.constants).to eq(loaded.constants)
  end

  it "have every public method, and no other" do
    expect(signed.methods.keys).to match_array(loaded.methods.keys)
  end

  it "have the superclasses and modules that classes have" do
    loaded.modules.map { |name| Object.const_get(name) }.each do |mod|
      expect(signed.ancestors(mod.name)).to eq(mod.ancestors.map(&:name).take_while { |name| name != "Object" })
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
    { EVGearman::Connection => [], EVGearman::Worker => EVGearman::Worker::WORKER_DEFAULTS.keys }.each do |klass, more|
      options = EVGearman::Connection::DEFAULTS.keys + EVGearman::Connection::HOOKS + more
      named = klass.instance_method(:initialize).parameters.filter_map { |kind, name| name if kind == :key }
      connection = EVGearman::Connection.instance_method(:initialize).parameters.filter_map { |kind, name| name if kind == :key }
      expect(Signatures.together(signed.methods["#{klass}#initialize"]).keywords).to match_array(options | named | connection)
    end
  end

  it "take the options of submit_job wherever these are passed on" do
    options = Signatures.together(signed.methods["EVGearman::Client#submit_job"]).keywords
    %w[submit_job_high submit_job_low call map].each do |name|
      expect(Signatures.together(signed.methods["EVGearman::Client##{name}"]).keywords).to include(*options)
    end
  end
end
