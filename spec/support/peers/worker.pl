# Does five functions whose names begin with PREFIX, and prints each job: name, workload in hexadecimal.
#
#     worker.pl HOST:PORT PREFIX
use strict;
use warnings;

use Gearman::Worker;

my ($server, $prefix) = @ARGV;
my $worker = Gearman::Worker->new(job_servers => [$server]);

my %functions = (
    echo      => sub { $_[0]->arg },
    fail      => sub { undef },
    exception => sub { die $_[0]->arg . "\n" },
    refuse    => sub { $worker->send_work_exception($_[0], $_[0]->arg); undef },
    progress  => sub {
        my $job = shift;
        $worker->send_work_data($job, "one");
        $worker->send_work_warning($job, "careful");
        $job->set_status(1, 2);
        $worker->send_work_data($job, "two\0three");
        "done";
    },
);

$| = 1;
while (my ($name, $code) = each %functions) {
    $worker->register_function("$prefix-$name", sub {
        my $job = shift;
        print "$name ", unpack("H*", $job->arg), "\n";
        $code->($job);
    });
}
$worker->work;
