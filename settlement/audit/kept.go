package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// Workings keeps how runs came about, as texts.
type Workings struct{ In WorkingTexts }

// WorkingTexts keeps texts by interval, run and reading root.
type WorkingTexts interface {
	KeepWorking(ctx context.Context, interval string, run int, root string, working []byte) error
	// Working returns a text, nil when it is not kept.
	Working(ctx context.Context, interval string, run int, root string) ([]byte, error)
}

// Keep keeps how a run came about.
func (k Workings) Keep(ctx context.Context, run settlement.Run, leaves []json.RawMessage) error {
	m := run.Manifest
	text, err := json.Marshal(Working{
		Community: m.Community, Interval: m.Interval, Run: m.Run, Tariff: run.Tariff, Basis: run.Basis, Leaves: leaves,
	})
	if err != nil {
		return fmt.Errorf("keep working: %w", err)
	}
	return k.In.KeepWorking(ctx, m.Interval, m.Run, m.ReadingRoot, text)
}

// Leaves returns what a run's reading root commits to, nil when it is not kept.
func (k Workings) Leaves(ctx context.Context, m record.Manifest) ([]json.RawMessage, error) {
	text, err := k.In.Working(ctx, m.Interval, m.Run, m.ReadingRoot)
	if err != nil || text == nil {
		return nil, err
	}
	var w Working
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("settle %s: working of run %d: %w", m.Interval, m.Run, err)
	}
	return w.Leaves, nil
}
