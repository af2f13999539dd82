package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

// TestTheClientSeesAndCancels has the client ask for all that a key may ask for beside orders,
// over HTTP and over a stream.
func TestTheClientSeesAndCancels(t *testing.T) {
	s := opened(t)
	server := httptest.NewServer(s)
	defer server.Close()
	ctx, ann := t.Context(), client.New(server.URL, "ann's key")
	stream, err := ann.Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	i := product()
	s.place(t, "bob", "s", "offer", 60, 90_000)
	s.place(t, "bob", "dear", "offer", 10, 200_000)
	bid := func(id string) client.Order {
		return client.Order{ClientID: id, Interval: i, Side: grid.Bid, Energy: 100, Price: 100_000}
	}
	if answers, err := stream.Submit(ctx, bid("a"), bid("b")); err != nil || answers[0].Order.Filled != 60 || *answers[0].Order.FillPrice != 90_000 {
		t.Fatalf("%+v, %v", answers, err)
	}
	if o, err := ann.ReplaceVersion(ctx, "a", 1, 80, 110_000); err != nil || o.Left != 20 || o.Version != 2 {
		t.Errorf("replaced: %+v, %v", o, err)
	}
	if answers, err := stream.ReplaceVersion(ctx, "a", 1, 90, 110_000); err != nil || answers[0].Error == "" {
		t.Errorf("of a version that is gone: %+v, %v", answers, err)
	}
	overHTTP, err1 := ann.Waiting(ctx)
	overStream, err2 := stream.Waiting(ctx, &i)
	if err1 != nil || err2 != nil || len(overHTTP) != 2 || len(overStream) != 2 || overStream[1].ClientID != "b" {
		t.Errorf("waiting: %+v, %v; %+v, %v", overHTTP, err1, overStream, err2)
	}
	fills, err1 := ann.Fills(ctx, &i)
	same, err2 := stream.Fills(ctx, nil)
	if err1 != nil || err2 != nil || len(fills) != 1 || len(same) != 1 || fills[0] != same[0] || fills[0].Price != 90_000 || fills[0].Side != grid.Bid {
		t.Errorf("fills: %+v, %v; %+v, %v", fills, err1, same, err2)
	}
	best, err1 := ann.Best(ctx, i, "mp-ann")
	also, err2 := stream.Best(ctx, i, "")
	if err1 != nil || err2 != nil || *best.Bid != *also.Bid || best.Bid.Price != 110_000 || best.Bid.Energy != 0 || best.Offer.Price != 200_000 {
		t.Errorf("best: %+v, %v; %+v, %v", best, err1, also, err2)
	}
	later := i.Shift(1)
	if answers, err := stream.CancelAll(ctx, &later); err != nil || len(answers) != 0 {
		t.Errorf("all of another interval: %+v, %v", answers, err)
	}
	if all, err := ann.CancelAll(ctx, nil); err != nil || len(all) != 2 || all[0].Status != client.Cancelled {
		t.Errorf("all: %+v, %v", all, err)
	}
	if _, err := stream.Submit(ctx, bid("c")); err != nil {
		t.Fatal(err)
	}
	if err := stream.CancelOnDisconnect(ctx, true); err != nil {
		t.Error(err)
	}
	changes, stop := s.Watch("ann")
	defer stop()
	_ = stream.Close()
	if o := <-changes; o.ClientID != "c" || o.Left != 0 {
		t.Errorf("after the stream: %+v", o)
	}
}
