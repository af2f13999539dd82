package hub

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/disk"
)

// planning has the homes plan anew when something changes, and keeps their forecast models young.
type planning struct {
	traders *agent.Traders
	quotes  drive.Executor // carries out what the agents do
	clock   func() time.Time
	log     *slog.Logger

	looked  time.Time // world time
	waiting atomic.Bool
}

// lookEvery is how often (world time) it is looked whether a home wants another plan.
const lookEvery = time.Minute

// look has the homes plan anew of which something changed at once. It is a task for the worker
// that quotes, so that a gate never waits for it; there is one at a time.
func (p *planning) look(ctx context.Context) {
	now := p.clock()
	if now.Sub(p.looked) < lookEvery || p.waiting.Swap(true) {
		return
	}
	p.looked = now
	p.quotes.Do(ctx, community.Quote, func(ctx context.Context) error {
		defer p.waiting.Store(false)
		err := p.traders.Replan(ctx, p.clock())
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "no new plan", slog.String("error", err.Error()))
		}
		return err
	})
}

// A worker fits one model after another, with a pause between so that the rest goes on.
const (
	fitPause  = 100 * time.Millisecond
	fittedAll = 5 * time.Second
)

// refit keeps the homes' forecast models young until ctx ends.
func (p *planning) refit(ctx context.Context) error {
	for {
		did, err := p.traders.Refit(ctx, p.clock())
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "a forecast model is not fitted, will try again", slog.String("error", err.Error()))
			did = false
		}
		wait := fitPause
		if !did {
			wait = fittedAll
		}
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// modelsFolder is where the data directory keeps the forecast models. What is missing or cannot be
// read is fitted anew.
const modelsFolder = "models"

// keptModels keeps forecast models in the data directory. It implements agent.Kept.
type keptModels struct{ dir *disk.Dir }

// Load implements agent.Kept.
func (k keptModels) Load(name string) ([]byte, error) {
	b, err := os.ReadFile(k.dir.File(filepath.Join(modelsFolder, name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save implements agent.Kept.
func (k keptModels) Save(name string, model []byte) error {
	if err := disk.MakeFolder(k.dir.File(modelsFolder)); err != nil {
		return err
	}
	return k.dir.Replace(filepath.Join(modelsFolder, name), model)
}
