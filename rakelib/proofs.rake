# frozen_string_literal: true

desc "Does memory grow over so many jobs? 1 MB in a million is the most"
task :leaks, [:jobs] => :compile do |_, args|
  ruby "-Ilib", "spec/proofs/leaks.rb", args.fetch(:jobs, "1000000"), verbose: false
end

desc "Clients and workers for some seconds, while their gearmand and their workers are killed and frozen"
task :soak, [:seconds] => :compile do |_, args|
  ruby "-Ilib", "spec/proofs/soak.rb", args.fetch(:seconds, "60"), verbose: false
end

desc "evgearman work, while its gearmands, processes and supervisors are killed so many times each; on two gearmands"
task :deaths, %i[rounds servers] => :compile do |_, args|
  ruby "-Ilib", "spec/proofs/deaths.rb", args.fetch(:rounds, "20"), args.fetch(:servers, "2"), verbose: false
end

desc "A client and workers at three gearmands for some seconds, while one after the other is killed and comes back"
task :failover, [:seconds] => :compile do |_, args|
  ruby "-Ilib", "spec/proofs/failover.rb", args.fetch(:seconds, "60"), verbose: false
end
