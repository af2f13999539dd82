package bench

// What the measurements measure, for whoever starts them.
const (
	AboutMatching = `Play a tape of orders on the matching engine, as the market would: each command
is encoded for the journal and applied, and its events are read. The first
records of a tape fill the book and are not timed. The hash covers maker, taker,
price and energy of every trade in order, so that engines can be compared.

The time per command is the lower quartile over chunks of 10,000 commands of the
CPU time of the thread (on Linux; elsewhere wall time). Latencies come from a second pass, in which
every command is timed alone; "timer" is what the timing itself takes.`

	AboutDurable = `Play a tape through journal and engine as the market does: commands that arrive
while the disk is busy become durable together. A process of its own sends the
commands at --rate, whatever the market does (open loop); the latency of a
command is from the moment that it was due until it was durable and applied.
The journal is written to a new directory below --dir and removed.`

	AboutTape = `Make a tape of random orders. The same flags give the same bytes. Prices stay
around a middle that wanders; shares are per mille of the commands, the rest are
immediate-or-cancel orders. The first commands fill the book up to --resting orders
and are not timed when the tape is played.`

	AboutDevices = `Read --count meters over Modbus TCP once a second each, with validation, as the
program does. Every meter has a socket of its own, in another process. Measured
are polls that were missed, the time from when a poll was due until its reading
was there, and the processor time of the reading process.`

	AboutDisk = `Send the readings of simulated homes, once a second of world time, the way they
go in the program: signed, over the embedded bus, into evidence and telemetry.
The clock goes as fast as the machine can. What looks after the disk runs at its
pace in world time, and every quarter of an hour is settled: the batches beside
its ends are named.

Printed is what the files of each part take up after each day, the most that
they took up, what is kept for good, and what was written to the disk.
Transactions hold --at-once of world time: a longer time is faster, and writes less
than the program does.`

	AboutReplay = `Replay a fair June day for each number of homes: physics, agents, market,
settlement and contracts, with the ledger in memory and no results written.
Printed is the median of --rounds; the processor time of a home and interval is
compared with that of the first number of homes, so that a ratio of 1 means that
the work grows as the community does. "root" in the JSON is the hash of the last
block: programs that do the same work have the same.`

	AboutStart = `Start the program with simulated homes as a process of its own, on a fresh
directory and, after it ran for --ran and was stopped, once more on the same.
Measured is the wall time until /readyz says that it is ready: every device was
read and trade is open. The directories are made below --dir and removed.`

	AboutSettle = `Settle intervals of a community whose homes were read once a second for as long as
--history says, from the signed registers to the closing on the embedded ledger. Every
home has traded. Measured is wall time; the directories are made below --dir and removed.`

	AboutDashboards = `Have --count dashboards watch the homes of a server, each signed in as the homeowner
of one of them, while every home says something once a second. Each is told of the
community once a second, and of its home. Beside them --stalled do not read, and
are to be hung up on. Server and dashboards are processes of their own on this
machine; measured is the processor time of the server, with the dashboards and without.`
)
