package host_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestWithoutRoomOnlyCancelsAreTaken refuses orders and changes while there is no room, with
// the reason; what waits can be cancelled, and all is taken again when there is room.
func TestWithoutRoomOnlyCancelsAreTaken(t *testing.T) {
	full := errors.New("the disk is full")
	var room error
	m, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15, GateClosure: 5 * time.Minute, Ahead: time.Hour, Members: []string{"ann"}},
		grid.SingleNode(), tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Open(t.Context(), host.Options{
		Community: "elm", Market: m, Bus: &bus{}, Stream: "MARKET", Clock: noon, Log: slog.New(slog.DiscardHandler), Open: (&log{}).open, See: seeNothing,
		Points: []community.Point{{MeteringPoint: "mp-ann", Member: "ann"}}, Room: func() error { return room },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 1)
	go func() { _ = h.Run(ctx); done <- struct{}{} }()
	defer func() { cancel(); <-done; _ = h.Close() }()
	product := begin(t, h)
	submit := func(id string) error {
		_, err := h.Submit([]community.Submission{{Product: product, Order: order("ann", id, grid.Bid, 200_000), Time: noon()}})
		return err
	}
	change := func(c community.Change) error {
		c.Member, c.ClientID, c.Time = "ann", "1", noon()
		_, err := h.Change([]community.Change{c})
		return err
	}
	if err := submit("1"); err != nil {
		t.Fatal(err)
	}
	room = full
	for what, err := range map[string]error{"an order": submit("2"), "a change": change(community.Change{Energy: 50, Price: 200_000})} {
		if !errors.Is(err, community.ErrNotNow) || !errors.Is(err, full) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := change(community.Change{Cancel: true}); err != nil {
		t.Errorf("a cancellation: %v", err)
	}
	if o, _ := h.Find("ann", "1"); o.Status != community.IsCancelled {
		t.Errorf("the order is %s", o.Status)
	}
	if _, known := h.Find("ann", "2"); known {
		t.Error("an order that was refused is known")
	}
	room = nil
	if err := submit("2"); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
