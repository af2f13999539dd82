package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/usage"
)

// openBus opens the bus of the plan.
func openBus(ctx context.Context, plan config.Plan, dir *disk.Dir) (*bus.Bus, error) {
	gateways, err := leafs(plan)
	if err != nil {
		return nil, usage.Mark(err)
	}
	return bus.Open(ctx, bus.Config{URL: plan.Bus.URL, Replicas: plan.Bus.Replicas, Dir: dir.File("bus"), Leafs: gateways})
}

// leafs returns which gateways may connect to the bus, nil when none may.
func leafs(plan config.Plan) (*bus.Leafs, error) {
	at := plan.Bus.Gateways
	if at.Listen == "" {
		return nil, nil
	}
	l := &bus.Leafs{Listen: at.Listen, Cert: at.Cert, Key: at.Key}
	for i, g := range plan.Gateways {
		if g.Password == "" {
			return nil, fmt.Errorf("gateways[%d].password_file: missing: the password with which the gateway connects", i)
		}
		l.Users = append(l.Users, bus.Leaf{
			Name: g.ID, Password: g.Password, Store: []string{proof.ReadingsSubject(plan.Community, g.ID, "*")},
			Ask: []string{clock.Subject(plan.Community), proof.ReceiptSubject(plan.Community, g.ID)},
		})
	}
	return l, nil
}

// CheckGateways checks the files with which gateways connect to the bus of a plan.
func CheckGateways(plan config.Plan) error {
	if _, err := leafs(plan); err != nil {
		return err
	}
	at := plan.Bus.Gateways
	if at.Cert == "" && at.Key == "" {
		return nil
	}
	if at.Cert == "" || at.Key == "" {
		return errors.New("bus.gateways: cert, key: give both or none")
	}
	if _, err := tls.LoadX509KeyPair(at.Cert, at.Key); err != nil {
		return fmt.Errorf("bus.gateways: cert, key: %w", err)
	}
	return nil
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
