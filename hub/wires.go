package hub

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/usage"
)

// openBus opens the bus of the plan.
func openBus(ctx context.Context, plan config.Plan, dir *disk.Dir, space *disk.Space) (*bus.Bus, error) {
	return bus.Open(ctx, bus.Config{URL: plan.Bus.URL, Replicas: plan.Bus.Replicas, Dir: dir.File("bus"), Leafs: leafs(plan), Room: space.Room})
}

// noteStreams notes where the streams are: elsewhere, or in the directory.
func noteStreams(dir *disk.Dir, url string) error {
	if url == "" {
		if err := os.Remove(dir.File(StreamsFile)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return dir.Replace(StreamsFile, []byte("the streams of this community are on the bus that its configuration names (bus.url)\n"))
}

// leafs returns which gateways may connect to the bus, nil when none may.
func leafs(plan config.Plan) *bus.Leafs {
	at := plan.Bus.Gateways
	if at.Listen == "" {
		return nil
	}
	l := &bus.Leafs{Listen: at.Listen, Cert: at.Cert, Key: at.Key}
	for _, g := range plan.Gateways {
		l.Users = append(l.Users, bus.Leaf{
			Name: g.ID, Password: g.Password, Store: []string{proof.ReadingsSubject(plan.Community, g.ID, "*")},
			Ask: []string{clock.Subject(plan.Community), proof.ReceiptSubject(plan.Community, g.ID), control.OrdersSubject(plan.Community, g.ID)},
		})
	}
	return l
}

// openLease makes this process the one that runs the community's market, and keeps it so
// from now on; a standby waits for its turn. Without an order log on the bus there is no
// lease: nil.
func openLease(ctx context.Context, b *bus.Bus, plan config.Plan, standby bool) (*bus.Held, error) {
	if !plan.Bus.OrderLog {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	lease, err := b.Acquire(ctx, "market."+plan.Community, fmt.Sprintf("%s:%d", host, os.Getpid()), plan.Bus.Replicas, standby)
	if errors.Is(err, bus.ErrHeld) {
		return nil, usage.Errorf("the market of %q runs in another process: stop that one, wait %s after a crash, or stand by with --standby", plan.Community, bus.LeaseFor)
	}
	if err != nil {
		return nil, err
	}
	return lease.Hold(ctx), nil
}
