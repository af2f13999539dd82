package hub

import (
	"context"
	"log/slog"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/meters/store"
)

// Where a data directory keeps readings, those that wait to be sent, the signed ones, and the order log.
const (
	TelemetryFile = "telemetry.db"
	WaitingFile   = "waiting.db"
	EvidenceFile  = "evidence.db"
	OrdersDir     = "orders"
)

// openStore opens the store of readings that the plan names.
func openStore(ctx context.Context, plan config.Plan, dir *disk.Dir, log *slog.Logger) (store.Store, error) {
	if plan.Store.Kind != config.InfluxDB {
		return store.OpenEmbedded(ctx, dir.File(TelemetryFile), log)
	}
	influx := store.InfluxConfig{URL: plan.Store.URL, Org: plan.Store.Org, Bucket: plan.Store.Bucket, Token: plan.Token}
	keep := store.Keep(plan.Store.Keep)
	if plan.Simulation != nil {
		keep = store.Keep{} // for good: a server would drop the readings of another time
	}
	return store.OpenOutbox(ctx, dir.File(WaitingFile), store.Connect(influx, keep, log), log)
}
