# frozen_string_literal: true

require "bundler"
require "json"
require "open3"
require "tmpdir"
require "yard"

# What `gem install` makes for `ri`, of methods that are defined in C: RDoc reads nothing else of them. What lib/ says of them
# is for YARD.
RSpec.describe "ri" do
  # Writes the store, and prints what is in it: {"EVGearman::Task#value" => [call-seq, text]}.
  script = <<~RUBY
    require "json"
    require "rdoc"
    *options, dir = ARGV
    RDoc::RDoc.new.document([*options, "--verbose", "--ri", "--op", dir, "lib", "ext"])
    store = RDoc::Store.new(dir, :ri)
    store.load_cache
    rows = store.instance_methods.map { |name, methods| [name, methods, "#"] } +
           store.class_methods.map { |name, methods| [name, methods, "::"] }
    told = rows.flat_map do |owner, names, mark|
      names.map do |name|
        method = store.load_method(owner, mark + name)
        [owner + mark + name, [method.call_seq, method.comment.parts.grep(RDoc::Markup::Paragraph).map(&:text).join(" ")]]
      end
    end
    puts "", told.to_h.to_json
  RUBY

  # Modules of the gem, but rows: their methods are Struct's.
  def self.modules(mod)
    inner = mod.constants(false).map { |name| mod.const_get(name) }.grep(Module)
    [mod] + inner.select { |each| each.name.start_with?(mod.name) && !(each < Struct) }.flat_map { |each| modules(each) }
  end

  # Names of methods in C, as RDoc writes them, and as YARD does.
  def self.in_c(mod)
    own = mod.public_instance_methods(false).map { |name| ["##{name}", "##{name}", mod.instance_method(name)] }
    own += mod.singleton_methods(false).map { |name| ["::#{name}", ".#{name}", mod.method(name)] }
    own << ["::new", "#initialize", mod.instance_method(:initialize)] if mod.private_instance_methods(false).include?(:initialize)
    own.reject { |*, method| method.source_location || method.name.start_with?("_") || method.original_name != method.name }
  end

  methods = modules(EVGearman).flat_map { |mod| in_c(mod).map { |ri, yard, _| ["#{mod}#{ri}", "#{mod}#{yard}"] } }.to_h

  before(:context) do
    options = Gem::Specification.load("evgearman.gemspec").rdoc_options
    Dir.mktmpdir do |dir|
      command = [RbConfig.ruby, "-e", script, "--", *options, "#{dir}/ri"]
      output, @said, @status = Bundler.with_unbundled_env { Open3.capture3({ "RUBYOPT" => nil }, *command) }
      @told = JSON.parse(output.lines.last)
    end
    YARD::Logger.instance.enter_level(YARD::Logger::ERROR) { YARD.parse("lib/**/*.rb") }
  end

  it "is written without a warning" do
    expect(@status).to be_success
    expect(@said.lines.grep(/duplicate|definition|not known|unable|unknown|warn|error/i)).to be_empty
  end

  it "knows every method that is defined in C" do
    expect(methods.size).to be > 100
    expect(@told.keys).to include(*methods.keys)
  end

  it "says how each is called, with the arguments that lib/ says" do
    wrong = methods.filter_map do |ri, yard|
      signature = YARD::Registry.at(yard).signature[/\Adef (?:self\.)?(.*)/, 1].sub("initialize", "new")
      signature = "#{ri[/(\w+)::\w+\z/, 1]}.#{signature}" if ri.match?(/::\p{Lower}/)
      given = @told.fetch(ri).first.to_s.lines.map { |line| line.strip[/\A(.*?)(?: \{.*\})? -> \w/, 1] }
      "#{ri}: #{given.inspect}, not #{signature}" unless given.uniq == [signature]
    end
    expect(wrong).to be_empty
  end

  it "says what each does" do
    expect(methods.keys.reject { |name| @told.fetch(name).last.match?(/\w.*[.?]\z/) }).to be_empty
  end
end
