package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

// market answers one order as the API of a community does: it meets an offer of 200 Wh.
func market(w http.ResponseWriter, r *http.Request) {
	var orders []map[string]any
	if r.Header.Get("Authorization") != "Bearer key" || json.NewDecoder(r.Body).Decode(&orders) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	standing := orders[0]
	standing["order"], standing["metering_point"], standing["validity"], standing["periods"] = "17", "mp-ann", "good_till_gate", 1
	standing["status"], standing["filled"], standing["left"] = "waiting", 200, 300
	_ = json.NewEncoder(w).Encode([]any{map[string]any{"order": standing}})
}

// Buy 500 Wh of a quarter of an hour at no more than 0.20 of the currency unit per kWh.
func Example() {
	community := httptest.NewServer(http.HandlerFunc(market))
	defer community.Close()

	interval, err := grid.ParseInterval("2026-06-01T12:00:00Z/15")
	if err != nil {
		fmt.Println(err)
		return
	}
	answers, err := client.New(community.URL, "key").Submit(context.Background(), client.Order{
		ClientID: "noon-1", Interval: interval, Side: grid.Bid, Energy: 500, Price: 200_000,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if a := answers[0]; a.Order == nil {
		fmt.Println("not taken:", a.Error)
	} else {
		fmt.Printf("%s: %s, %d Wh traded, %d Wh may still trade\n", a.Order.Interval, a.Order.Status, a.Order.Filled, a.Order.Left)
	}
	// Output: 2026-06-01T12:00:00Z/15: waiting, 200 Wh traded, 300 Wh may still trade
}
