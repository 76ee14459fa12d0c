# Submits what it reads, and prints what it hears: an event a line, bytes in hexadecimal.
#
#     client.pl HOST:PORT FUNCTION [unique=KEY] [priority=high] [background=1] [exceptions=1] < workload
use strict;
use warnings;

use Gearman::Client;

my ($server, $function, @options) = @ARGV;
my %option = map { split /=/, $_, 2 } @options;

sub event { print join(" ", @_), "\n" }
sub bytes { unpack "H*", ref $_[0] ? ${ $_[0] } : $_[0] }

$| = 1;
binmode STDIN;
my $workload = do { local $/; <STDIN> } // "";

my $client = Gearman::Client->new(job_servers => [$server], exceptions => $option{exceptions} // 0);
my $tasks = $client->new_task_set;
my $handle = $tasks->add_task($function, \$workload, {
    uniq         => $option{unique},
    priority     => $option{priority},
    background   => $option{background},
    on_data      => sub { event("data", bytes(shift)) },
    on_warning   => sub { event("warning", bytes(shift)) },
    on_status    => sub { event("status", @_) },
    on_complete  => sub { event("complete", bytes(shift)) },
    on_exception => sub { event("exception", bytes(shift)) },
    on_fail      => sub { event("fail") },
});
event("created", $handle =~ s{.*//}{}r);
$tasks->wait;
