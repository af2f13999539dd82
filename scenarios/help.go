package scenarios

// Help tells a person how a scenario is written and what a replay writes.
const Help = `Replay a scenario through the same engine, settlement and contracts that run
live. Writes DIR/summary.json and DIR/{trades,intervals,statements,readings,feeder}.parquet
(docs/replay.md describes them; a DIR that has anything but results of the same replay is
refused, unless --force is given); the same file, seed and version give the same bytes. With --ledger embedded the
ledger is kept in DIR, for commonwatt ledger verify --data DIR.

The fields of a scenario: version (1), name, seed, start (a full hour, UTC),
days, history (days before that the agents know; 0), interval (minutes), gate_closure, deadline, latitude, longitude, homes,
street (usual, all-electric), holidays (calendars and dates),
mechanism (uniform), tariff {version, currency, retail, feed_in}, tariffs,
home_tariffs (their names, which the homes have in turn), tariff_of, zone,
distance, market, pool, own, sharing, strategy, strategies and rewards (as in a
configuration), cheats [{home, cheat}]
(claims-capacity, replays-readings, fakes-delivery). Trade begins with the first interval whose gate is still open at the start, so that a day of 96
quarter-hours settles 95.`
