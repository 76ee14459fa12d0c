# frozen_string_literal: true

require "mkmf"

FLOORS = %w[base protocol session net
            binding/values binding/drive binding/loop binding/client binding/sessions binding/server binding].freeze

def switch?(name) = ENV["EVGEARMAN_#{name}"] == "1"
def macos? = RUBY_PLATFORM.include?("darwin")

def brew_prefix(package)
  `brew --prefix #{package}`.strip if macos? && find_executable("brew")
end

# libev is opened at run time, so the linker's search path is of no use: a directory given here is kept in the name.
def libev_name(directories)
  name = macos? ? "libev.4.dylib" : "libev.so.4"
  directories.map { |dir| File.join(dir, name) }.find { |path| File.exist?(path) } || name
end

# Where Ruby's own extension has it from, if that was said when Ruby was built: two in one process do not go well together.
def openssl_prefix
  RbConfig::CONFIG["configure_args"].to_s[/--with-openssl-dir=([^\s']+)/, 1] || brew_prefix("openssl")
end

def openssl?
  return false if with_config("openssl") == false

  dir_config("openssl", openssl_prefix).any? || pkg_config("openssl")
  have_header("openssl/ssl.h") &&
    checking_for("OpenSSL 1.1.1 or newer") { try_static_assert("OPENSSL_VERSION_NUMBER >= 0x10101000L", "openssl/ssl.h") } &&
    have_library("crypto", "ERR_peek_error", "openssl/err.h") && have_library("ssl", "SSL_read_ex", "openssl/ssl.h")
end

_, libev_lib = dir_config("libev", brew_prefix("libev"))

abort <<~TEXT unless have_header("ev.h")
  evgearman needs libev 4 and its header ev.h. Install it with one of:
    Debian, Ubuntu   apt-get install libev-dev
    Fedora           dnf install libev-devel
    Alpine           apk add libev-dev
    macOS            brew install libev
  or say where it is: --with-libev-dir=DIR
TEXT

unless checking_for("libev 4") { try_static_assert("EV_VERSION_MAJOR == 4", "ev.h") }
  abort "evgearman needs libev 4; the ev.h found is of another version"
end

have_func("rb_fiber_scheduler_block", "ruby/fiber/scheduler.h")
have_func("rb_nogvl", "ruby/thread.h")
have_func("rb_enc_interned_str", "ruby/encoding.h")
have_func("rb_io_closed_p", "ruby/io.h")
have_func("sem_clockwait", "semaphore.h")

if openssl?
  $defs << "-DEVG_OPENSSL"
else
  message "TLS is left out: OpenSSL 1.1.1 and its headers were not found (Debian, Ubuntu: libssl-dev) or not wanted\n"
end

$srcs = Dir[File.join($srcdir, "{#{FLOORS.join(",")}}", "*.c")].sort
$VPATH.concat(FLOORS.map { |floor| "$(srcdir)/#{floor}" })
$defs << "-D_GNU_SOURCE" << "-DEVG_LIBEV_NAME=\\\"#{libev_name(libev_lib.to_s.split(File::PATH_SEPARATOR))}\\\""

# Ruby's own warnings are for Ruby's own sources; ours are below and, by floor, in `depend`.
$warnflags = ""
$CFLAGS << " -std=gnu11 -Wall -Wextra -Wformat -Wformat-security -fvisibility=hidden"
append_cflags("-fstack-protector-strong")
append_ldflags(%w[-Wl,-z,relro -Wl,-z,now])

if switch?("SANITIZE")
  abort "EVGEARMAN_SANITIZE links libev, which was not found" unless have_library("ev", "ev_loop_new", "ev.h")
  $defs << "-DEVG_LIBEV_LINKED"
  $CFLAGS << " -U_FORTIFY_SOURCE -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer"
  # Ruby's exceptions jump over C frames without the sanitizer's knowledge; what it had poisoned in them stays poisoned.
  $CFLAGS << " --param asan-stack=0"
  $DLDFLAGS << " -fsanitize=address,undefined"
end

if switch?("DEBUG")
  $defs << "-DEVG_DEBUG"
  # valgrind below 3.20 cannot read DWARF 5.
  $CFLAGS << " -U_FORTIFY_SOURCE -O0 -g3 -gdwarf-4 -Werror"
elsif !switch?("SANITIZE") && !$CFLAGS.match?(/-O0\b/)
  $CFLAGS << " -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
end

create_makefile("evgearman/evgearman")
