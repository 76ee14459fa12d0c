# frozen_string_literal: true

require "bundler"
require "yaml"

# What the README and the pages of docs/ say, tried.
RSpec.describe "README.md and docs/" do
  pages = ["README.md", *Dir.children(File.join(Page::ROOT, "docs")).grep(/\.md\z/).map { |name| "docs/#{name}" }.sort]
  read = ->(name) { File.read(File.join(Page::ROOT, name)) }

  # The anchors that its headings have.
  anchors = ->(name) { read[name].scan(/^\#+ (.*)$/).flatten.map { |it| it.downcase.gsub(/[^\p{Word}\- ]/, "").tr(" ", "-") } }

  it "the README links each page" do
    expect(read["README.md"].scan(%r{\((docs/[\w-]+\.md)\)}).flatten.uniq).to match_array(pages.grep(/\Adocs/))
  end

  it "rake yard has each page" do
    listed = read[".yardopts"].lines(chomp: true).flat_map { |it| it.include?("*") ? Dir.glob(it, base: Page::ROOT) : it }
    expect(listed).to include(*pages.grep(/\Adocs/))
  end

  it "the gem has each page" do
    expect(Gem::Specification.load(File.join(Page::ROOT, "evgearman.gemspec")).files).to include(*pages)
  end

  it "the gem's page says where it is and what changed" do
    metadata = Gem::Specification.load(File.join(Page::ROOT, "evgearman.gemspec")).metadata
    expect(metadata.values_at("homepage_uri", "changelog_uri")).to all(start_with("https://"))
  end

  pages.each do |name|
    it "#{name}: its links lead somewhere" do
      links = read[name].gsub(/`[^`]*`/, "``").scan(/\]\(([^):\s]+)\)/).flatten.uniq
      dead = links.reject do |link|
        path, anchor = link.split("#", 2)
        target = path.empty? ? name : File.join(File.dirname(name), path).delete_prefix("./")
        File.exist?(File.join(Page::ROOT, target)) && (anchor.nil? || anchors[target].include?(anchor))
      end
      expect(dead).to be_empty
    end
  end

  # Answers what a program printed and whether it ended well. It has a server of its own, and certificates where it runs.
  def run_page(page, name, *arguments, more: [], **options)
    page.file(name, "#{name}_spec.rb", more: more) do |path|
      Dir.chdir(File.dirname(path)) do
        %w[ca server worker].each { |paper| FileUtils.cp(Papers[paper == "worker" ? "client" : paper], "#{paper}.pem") }
        text, status = run_ruby("-r", Page::CHECKS, *arguments, path, env: { "GEARMAN_SERVERS" => own_server.url, **options })
        [text, status.success?]
      end
    end
  end

  # Pages whose programs run by themselves.
  %w[README.md docs/client.md docs/worker.md docs/workers.md docs/routes.md docs/tls.md docs/server.md docs/testing.md docs/protocol.md docs/getting-started.md docs/migration.md docs/rails.md].each do |name|
    page = Page.new(name)

    it "#{name}: is a program that answers what it says" do
      expect(run_page(page, "main")).to match([/^#{page.answers} answers$/, true])
    end
  end

  it "docs/testing.md: is a spec that passes" do
    text, success = run_page(Page.new("docs/testing.md"), "rspec", "-S", "rspec", "--options", File::NULL)
    expect([text[/\d+ examples?, \d+ failures?/], success]).to eq(["2 examples, 0 failures", true])
  end

  it "docs/testing.md: is a test that passes" do
    text, success = Bundler.with_unbundled_env { run_page(Page.new("docs/testing.md"), "minitest", "MT_NO_PLUGINS" => "1") }
    missing("minitest") if text.include?("cannot load such file -- minitest")
    expect([text[/\d+ runs, .* failures, \d+ errors/], success]).to eq(["1 runs, 2 assertions, 0 failures, 0 errors", true])
  end

  # What each of these lines of code answered, behind a program of the page.
  def answers_of(page, program, codes)
    text, success = run_page(page, program, more: codes.map { |code| "answer = (#{code}); puts %(\nanswer \#{answer.inspect})" })
    expect(success).to be(true), text
    text.scan(/^answer (.*)$/).flatten
  end

  it "docs/migration.md: what is put beside each other answers the same" do
    page = Page.new("docs/migration.md")
    left, right = page.table("gearman-ruby", "evgearman").transpose.zip(%w[left right]).map { |codes, name| answers_of(page, name, codes) }
    expect([left.size, right.size]).to all(be > 25)
    bytes = left.zip(right).select { |pair| pair.all?(/\A"/) }
    expect(bytes.map(&:first)).to eq(bytes.map(&:last)).and include('"olleh"', '"cba"', '"w1"', '"2"')
  end

  it "docs/migration.md: the Ruby beside Perl is right" do
    page = Page.new("docs/migration.md")
    codes = page.table("EV::Gearman", "evgearman").map { |row| row.fetch(1) }
    expect(answers_of(page, "perl", codes).size).to eq(codes.size).and be > 25
  end
end
