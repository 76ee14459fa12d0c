# frozen_string_literal: true

# What sig/ says and what the gem has, in the same terms: names of modules, methods and constants.
module Signatures
  # Instance methods of a module, or its own.
  KINDS = { instance: "#", singleton: "." }.freeze

  # The gem's own modules. The second is that of evgearman/compat/gearman.
  ROOTS = %w[EVGearman Gearman].freeze

  # What a method takes: numbers of positional arguments (`most` nil: any number), names of keywords.
  Arguments = Struct.new(:least, :most, :keywords, :any_keyword, :block, keyword_init: true)

  # The signatures, by the rbs library; what is asked of it here is the same in its versions 2 and 3.
  class Signed
    def initialize
      loader = RBS::EnvironmentLoader.new
      loader.add(path: Pathname(__dir__) + "../../sig")
      @env = RBS::Environment.from_loader(loader).resolve_type_names
      @builder = RBS::DefinitionBuilder.new(env: @env)
    end

    def modules = own(@env.class_decls)
    def constants = own(@env.constant_decls)

    # `{ "EVGearman::Task#value" => [Arguments, …] }`, one for each overload
    def methods
      @methods ||= modules.flat_map { |name| KINDS.keys.flat_map { |kind| methods_of(name, kind) } }.to_h
    end

    # Names of what it inherits from, itself included, up to Object.
    def ancestors(name)
      all = @builder.ancestor_builder.instance_ancestors(type(name)).ancestors.map { |found| found.name.to_s.delete_prefix("::") }
      all.take_while { |ancestor| ancestor != "Object" }
    end

    private

    def type(name) = types.fetch(name)
    def types = @types ||= @env.class_decls.keys.to_h { |key| [key.to_s.delete_prefix("::"), key] }

    def own(declarations)
      declarations.keys.map { |name| name.to_s.delete_prefix("::") }.select { |name| ROOTS.include?(name[/\A\w+/]) }.sort
    end

    def methods_of(name, kind)
      methods = @builder.public_send(:"build_#{kind}", type(name)).methods
      methods.select { |method, found| found.implemented_in == type(name) && (kind == :instance || method != :new) }
             .map { |method, found| ["#{name}#{KINDS[kind]}#{method}", found.method_types.map { |signed| arguments(signed) }] }
    end

    def arguments(signed)
      takes = signed.type
      least = takes.required_positionals.size + takes.trailing_positionals.size
      Arguments.new(least: least, most: takes.rest_positionals ? nil : least + takes.optional_positionals.size,
                    keywords: takes.required_keywords.keys + takes.optional_keywords.keys,
                    any_keyword: !takes.rest_keywords.nil?, block: !signed.block.nil?)
    end
  end

  # The loaded gem, less what its docs call private.
  class Loaded
    SEAMS = ["EVGearman::Testing::Seams::"].freeze

    def initialize
      YARD::Logger.instance.enter_level(Logger::ERROR) { YARD.parse(Dir["lib/**/*.rb"]) }
      @private = YARD::Registry.all.select { |object| private?(object) }.to_set(&:path)
    end

    def modules = found.map(&:name).sort
    def constants = found.flat_map { |mod| values(mod).map { |name| "#{mod}::#{name}" } }.reject { |path| hidden?(path) }.sort

    # Names of what it inherits from, itself included, up to Object; not of what others brought, or is private.
    def ancestors(mod)
      names = mod.ancestors.map(&:name).take_while { |name| name != "Object" }
      names.reject { |name| hidden?(name) || name.start_with?("RSpec", "ErrorHighlight", "DidYouMean") }
    end

    # `{ "EVGearman::Task#value" => Method }`
    def methods
      @methods ||= found.flat_map { |mod| instance_methods(mod) + singleton_methods(mod) }.to_h.reject { |path, _| hidden?(path) }
    end

    private

    def private?(object) = object.has_tag?(:private) || object.tags(:api).any? { |tag| tag.text == "private" }
    def hidden?(path) = @private.include?(path) || path.match?(/[#.]_/) || path.start_with?(*SEAMS)
    def found = @found ||= ROOTS.flat_map { |name| below(Object.const_get(name)) }

    def below(mod)
      inner = mod.constants(false).map { |name| mod.const_get(name) }.select { |value| value.is_a?(Module) }
      [mod, *inner.reject { |value| hidden?(value.name) }.flat_map { |value| below(value) }]
    end

    def values(mod) = mod.constants(false).reject { |name| mod.const_get(name).is_a?(Module) }

    # What Struct makes for a row that is frozen is not worth a signature, but for its readers.
    def instance_methods(mod)
      names = mod.public_instance_methods(false)
      names.reject! { |name| name.end_with?("=") } if struct?(mod)
      names << :initialize if mod.private_method_defined?(:initialize, false)
      names.map { |name| ["#{mod}##{name}", mod.instance_method(name)] }
    end

    def singleton_methods(mod)
      names = struct?(mod) ? [] : mod.singleton_class.public_instance_methods(false)
      names.map { |name| ["#{mod}.#{name}", mod.method(name)] }
    end

    def struct?(mod) = mod.is_a?(Class) && mod < Struct
  end

  module_function

  def signed = @signed ||= Signed.new
  def loaded = @loaded ||= Loaded.new

  # What a method takes by Ruby's own account; nil where that is not told: by C methods with optional arguments, and by
  # methods that pass all on.
  def arguments_of(method)
    kinds = method.parameters.group_by(&:first).transform_values { |found| found.map { |_, name| name } }
    return if [[nil], [:*]].include?(kinds[:rest])

    least = kinds.fetch(:req, []).size
    Arguments.new(least: least, most: kinds.key?(:rest) ? nil : least + kinds.fetch(:opt, []).size,
                  keywords: kinds.fetch(:keyreq, []) + kinds.fetch(:key, []), any_keyword: kinds.key?(:keyrest),
                  block: kinds.key?(:block))
  end

  # What all overloads take together.
  def together(overloads)
    Arguments.new(least: overloads.map(&:least).min,
                  most: overloads.map(&:most).then { |numbers| numbers.max unless numbers.include?(nil) },
                  keywords: overloads.flat_map(&:keywords).uniq, any_keyword: overloads.any?(&:any_keyword),
                  block: overloads.any?(&:block))
  end
end
