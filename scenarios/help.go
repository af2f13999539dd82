package scenarios

import "fmt"

// Help tells a person how a scenario is written and what a replay writes.
func Help() string {
	return fmt.Sprintf(help, len(deviationsTried()))
}

const help = `Replay a scenario through the same engine, settlement and contracts that run
live. Writes DIR/summary.json and DIR/{trades,intervals,statements,readings,feeder}.parquet
(docs/replay.md describes them; a DIR that has anything but results of the same replay is
refused, unless --force is given); the same file, seed and version give the same bytes. With --ledger embedded the
ledger is kept in DIR, for commonwatt ledger verify --data DIR.

The fields of a scenario: version (1), name, seed, start (a full hour, UTC),
days, history (days before that the agents know; 0), interval (minutes), gate_closure, deadline, latitude, longitude, homes,
street (usual, all-electric), appliances (true: three homes of four have one that waits), holidays (calendars and dates),
mechanism (uniform), tariff {version, currency, retail, feed_in}, tariffs,
home_tariffs (their names, which the homes have in turn), tariff_of, zone,
distance, market, pool, own, sharing, strategy, strategies and rewards (as in a
configuration), cheats [{home, cheat}]
(claims-capacity, replays-readings, fakes-delivery), deviate (homes; 0). Trade begins with the first interval whose gate is still open at the start, so that a day of 96
quarter-hours settles 95.

With --deviate 3 (or deviate: 3) the scenario is replayed again and again, each time with one of
three homes, evenly spread over the street, trading otherwise than its agent does while all others keep to
theirs: with prices in its favour or against it, less energy, more, none, another strategy. What the best
of it gained is in summary.json (deviation). It is the least that could be gained at best: not all
that could be tried is tried. Each home takes as long as %d replays.`
