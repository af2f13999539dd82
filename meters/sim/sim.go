// Package sim puts the physics of scenarios/world behind Modbus TCP sockets on
// loopback, one server a device as in the field, for demonstrations and tests.
// Inverters, batteries and meters speak SunSpec, the others maps of their own (docs/world.md).
//
// The state of the world is saved before the registers that show it are
// served: after a crash nothing that was ever read is ahead of the world, and
// no register runs backwards.
package sim

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Tick is how often the registers move, in wall time.
const Tick = 100 * time.Millisecond

// Neighbourhood is a world with its devices. It is safe for concurrent use.
type Neighbourhood struct {
	db      *sql.DB
	mu      sync.Mutex // guards world
	world   *world.World
	devices []*Device
	spare   *Device // nobody's
	spec    world.Spec
	faults  map[string][]Fault // by device
	shown   atomic.Int64       // unix time of what the registers show, always saved
}

// Open resumes the neighbourhood kept in dir, or begins it there, and starts
// the device servers. The specification must be the one it began with; the
// faults, by device, may change. The caller must Close it.
func Open(ctx context.Context, dir string, spec world.Spec, faults map[string][]Fault) (*Neighbourhood, error) {
	path := filepath.Join(dir, "simulation.db")
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	n := &Neighbourhood{db: db, spec: spec, faults: faults}
	if err := n.load(ctx, spec); err != nil {
		return nil, errors.Join(unreadable(path, err), db.Close())
	}
	if err := n.serve(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// unreadable says where an error is, and of a damaged file what to do.
func unreadable(path string, err error) error {
	if disk.IsDamaged(err) {
		return disk.Unreadable(path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func (n *Neighbourhood) load(ctx context.Context, spec world.Spec) error {
	const schema = `CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY CHECK (id = 1), spec TEXT NOT NULL, state TEXT NOT NULL)`
	if _, err := n.db.ExecContext(ctx, schema+";"+aloneSchema+pastSchema); err != nil {
		return err
	}
	wanted, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var kept, saved []byte
	err = n.db.QueryRowContext(ctx, `SELECT spec, state FROM world`).Scan(&kept, &saved)
	if errors.Is(err, sql.ErrNoRows) {
		n.world = world.New(spec)
		state, err := json.Marshal(n.world.State())
		if err != nil {
			return err
		}
		_, err = n.db.ExecContext(ctx, `INSERT INTO world (id, spec, state) VALUES (1, ?, ?)`, wanted, state)
		if err == nil && n.world.Now().Equal(n.world.Now().Truncate(boundary)) {
			err = n.keepAlone(ctx, n.world.Now())
		}
		return err
	}
	if err != nil {
		return err
	}
	return n.resume(wanted, kept, saved)
}

func (n *Neighbourhood) resume(wanted, kept, saved []byte) error {
	var spec world.Spec
	if err := json.Unmarshal(kept, &spec); err != nil {
		return fmt.Errorf("saved specification: %w", err)
	}
	var state world.State
	if err := json.Unmarshal(saved, &state); err != nil {
		return fmt.Errorf("saved state: %w", err)
	}
	if !slices.Equal(wanted, kept) {
		return &OtherSpecError{Homes: len(spec.Homes), Seed: spec.Seed}
	}
	var err error
	n.world, err = world.Resume(spec, state)
	return err
}

// OtherSpecError reports a data directory that holds another neighbourhood.
type OtherSpecError struct {
	Homes int
	Seed  uint64
}

func (e *OtherSpecError) Error() string {
	return fmt.Sprintf("the directory holds another simulated neighbourhood (%d homes, seed %d): run it with --homes %d --seed %d, or choose another --data", e.Homes, e.Seed, e.Homes, e.Seed)
}

// Now returns the world time that the registers show. It is saved: a restart
// resumes there or later, never before.
func (n *Neighbourhood) Now() time.Time { return time.Unix(n.shown.Load(), 0).UTC() }

// Devices returns the device servers, in order of home.
func (n *Neighbourhood) Devices() []*Device { return n.devices }

// Spare returns a meter that is no home's: it counts what the first home's connection meter
// counts, behind it on the same line, so that there is a live device to try pairing with.
func (n *Neighbourhood) Spare() *Device { return n.spare }

// all returns the devices of the homes, and the one that is nobody's.
func (n *Neighbourhood) all() []*Device { return append(slices.Clone(n.devices), n.spare) }

// Run moves the world with the clock until ctx ends. While the disk is full the world stands
// still.
func (n *Neighbourhood) Run(ctx context.Context, clock func() time.Time) error {
	ticker := time.NewTicker(Tick)
	defer ticker.Stop()
	for {
		if err := n.advance(context.WithoutCancel(ctx), clock()); err != nil && !disk.IsFull(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// advance runs the world up to t, saves it, and only then shows it.
func (n *Neighbourhood) advance(ctx context.Context, t time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.moveTo(ctx, t); err != nil {
		return err
	}
	state := n.world.State()
	for _, d := range n.devices {
		d.revert(state)
	}
	state = n.world.State()
	saved, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("save world: %w", err)
	}
	if _, err := n.db.ExecContext(ctx, `UPDATE world SET state = ? WHERE id = 1`, saved); err != nil {
		return fmt.Errorf("save world: %w", err)
	}
	for _, d := range n.all() {
		d.show(state)
	}
	n.shown.Store(state.Time)
	return nil
}

// Close stops the servers and closes the saved state.
func (n *Neighbourhood) Close() error {
	var problems []error
	for _, d := range n.all() {
		if d.server != nil {
			problems = append(problems, d.server.Stop())
		}
	}
	return errors.Join(append(problems, n.db.Close())...)
}

func (n *Neighbourhood) serve() error {
	state := n.world.State()
	n.shown.Store(state.Time)
	homes := n.world.Spec().Homes
	n.spare = &Device{Device: grid.Device{ID: "spare/meter", Kind: grid.Meter, Serial: "SIM-spare-meter"}, Profile: readBy(grid.Meter), spec: homes[0], in: n}
	for i, h := range homes {
		for _, kind := range h.Devices() {
			d := &Device{
				Device: grid.Device{
					ID: h.ID + "/" + string(kind), Kind: kind, Member: h.ID, MeteringPoint: "mp-" + h.ID,
					Serial: fmt.Sprintf("SIM-%s-%s", h.ID, kind),
				},
				Profile: readBy(kind), home: i, spec: h, in: n,
			}
			d.faults = n.faults[d.ID]
			if d.cheat = d.cheater(); d.cheat != nil {
				n.world.SetBattery(i, world.Idle())
			}
			n.devices = append(n.devices, d)
			if err := d.serve(state); err != nil {
				return err
			}
		}
	}
	return n.spare.serve(state)
}

// serve begins to answer, at an address that the system chooses.
func (d *Device) serve(state world.State) (err error) {
	d.show(state)
	if d.server, err = modbus.Serve("127.0.0.1:0", d.clients(), map[uint8]modbus.Device{d.unit(): d}); err != nil {
		return fmt.Errorf("simulated %s: %w", d.ID, err)
	}
	return nil
}

// readBy names the profile that reads a simulated device.
func readBy(kind grid.DeviceKind) string {
	switch kind {
	case grid.Inverter:
		return "sunspec-inverter"
	case grid.Battery:
		return "sunspec-storage"
	case grid.Charger:
		return "commonwatt-charger"
	case grid.HeatPump:
		return "commonwatt-heat-pump"
	case grid.HeatingRod:
		return "commonwatt-heating-rod"
	case grid.Appliance:
		return "commonwatt-appliance"
	default:
		return "sunspec-meter"
	}
}

// mains returns voltage and frequency at an instant; they wander a little.
func mains(now int64) (volts, hertz float64) {
	t := float64(now)
	return 231 + 2.5*math.Sin(t/900) + math.Sin(t/37), 50 + 0.02*math.Sin(t/71)
}
