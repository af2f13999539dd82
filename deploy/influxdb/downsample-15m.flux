// A task of InfluxDB 2.x: keeps 15m steps of all readings in the bucket commonwatt_15m.
// Power, charge, voltage and frequency are means; registers only grow, so the last one counts.
option task = {name: "commonwatt 15m", every: 15m, offset: 2m}

readings = from(bucket: "commonwatt") |> range(start: -3 * task.every) |> filter(fn: (r) => r._measurement == "reading")

union(tables: [
    readings
        |> filter(fn: (r) => r._field == "power" or r._field == "charge" or r._field == "voltage" or r._field == "hertz")
        |> aggregateWindow(every: 15m, fn: mean, timeSrc: "_start", createEmpty: false)
        |> toInt(),
    readings
        |> filter(fn: (r) => r._field == "import" or r._field == "export" or r._field == "took")
        |> aggregateWindow(every: 15m, fn: max, timeSrc: "_start", createEmpty: false),
])
    |> to(bucket: "commonwatt_15m")
