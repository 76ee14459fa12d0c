# frozen_string_literal: true

module EVGearman
  class Settings
    # One setting: its name in the file, what it can be, what it is when nobody says, its flags, and what they are for.
    #
    # @api private
    Row = Struct.new(:name, :kind, :default, :flags, :text) do
      # @return [String] the long one, without what follows it
      def flag = flags.last[/\A--(?:\[no-\])?[\w-]+/]

      # @return [Array<String>] of the environment; the first that is set counts
      def variables
        own = "EVGEARMAN_#{name.to_s.upcase}"
        name == :servers ? [own, "GEARMAN_SERVERS"] : [own]
      end
    end

    # All that can be set.
    #
    # @api private
    TABLE = [
      Row.new(:servers, Kinds.list, ["127.0.0.1:4730"].freeze, ["-s", "--servers LIST"],
              "job servers: host:port, gearmans://host, unix:///path; with commas between"),
      Row.new(:tls, Kinds.tls, nil, ["--tls [OPTIONS]"], "speak TLS; options: ca_file=FILE,cert_file=FILE,verify=false"),
      Row.new(:require, Kinds.list, [].freeze, ["-r", "--require LIST"],
              "files with handlers, or the folder of a Rails application"),
      Row.new(:functions, Kinds.list, nil, ["-f", "--functions LIST"], "only these of the registered functions"),
      Row.new(:queues, Kinds.list, nil, ["-q", "--queues LIST"], "queues of Active Job, the most urgent one first"),
      Row.new(:prefix, Kinds.text, "active_job.", ["--prefix TEXT"], "before a queue in the name of its function"),
      Row.new(:concurrency, Kinds.whole(1), 5, ["-c", "--concurrency N"], "jobs at a time, in each process"),
      Row.new(:processes, Kinds.whole(0), 1, ["-p", "--processes N"], "processes; 0: this one, without a supervisor"),
      Row.new(:preload, Kinds.boolean, false, ["--[no-]preload"], "load the application before there are processes"),
      Row.new(:timeout, Kinds.seconds, 25, ["-t", "--timeout SECONDS"], "for running jobs, when it is to end"),
      Row.new(:prefetch, Kinds.ahead, 0, ["--prefetch N"], "jobs that may be held beside those that run; or auto"),
      Row.new(:poll_interval, Kinds.seconds, 1.0, ["--poll-interval SECONDS"], "after which an idle worker asks again"),
      Row.new(:client_id, Kinds.text, nil, ["--client-id TEXT"], "name that the server lists; a number is added to it"),
      Row.new(:max_jobs, Kinds.whole(1), nil, ["--max-jobs N"], "a process is replaced after so many jobs"),
      Row.new(:max_rss, Kinds.whole(1), nil, ["--max-rss MB"], "a process that is larger is replaced"),
      Row.new(:max_lifetime, Kinds.seconds, nil, ["--max-lifetime SECONDS"], "a process that is older is replaced"),
      Row.new(:max_deaths, Kinds.whole(0), 3, ["--max-deaths N"], "a job with which so many processes died fails; 0: never"),
      Row.new(:probe_port, Kinds.whole(0), nil, ["--probe-port PORT"], "answers /status and /metrics there, by HTTP"),
      Row.new(:probe_host, Kinds.text, "127.0.0.1", ["--probe-host ADDRESS"], "of which address; 0.0.0.0 in a container"),
      Row.new(:drain, Kinds.boolean, false, ["--drain"], "end when there is nothing more to do"),
      Row.new(:with_parent, Kinds.boolean, false, ["--with-parent"], "end when the process that started this one has"),
      Row.new(:log_level, Kinds.one_of("debug", "info", "warn", "error"), "info", ["--log-level LEVEL"],
              "debug, info, warn or error"),
      Row.new(:log_format, Kinds.one_of("text", "json"), "text", ["--log-format FORMAT"], "text or json"),
      Row.new(:pidfile, Kinds.text, nil, ["--pidfile FILE"], "where its process id is written")
    ].freeze
  end
end
