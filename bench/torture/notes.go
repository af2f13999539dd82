package main

import (
	"fmt"
	"maps"
	"sync"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

// notes are what a community has acknowledged.
type notes struct {
	mu       sync.Mutex
	orders   map[string]*noted // by the client's id
	postings map[string]string // by id, as a line
	readings int64             // stored
	sent     int               // orders
	wrong    error             // what was found wrong while they traded
}

// noted is an order, and where it stood when it was last said.
type noted struct {
	member string
	order  client.Order
	stood  *client.Standing // nil: nothing was answered yet
}

func newNotes() *notes { return &notes{orders: map[string]*noted{}, postings: map[string]string{}} }

// sending notes that an order is on its way.
func (n *notes) sending(member string, o client.Order) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.orders[o.ClientID] = &noted{member: member, order: o}
}

// heard notes where an order stands, and tells what does not fit what was said before.
func (n *notes) heard(s client.Standing) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.orders[s.ClientID]
	if known == nil {
		return fmt.Errorf("order %s was never sent", s.ClientID)
	}
	if err := known.fits(s); err != nil {
		return fmt.Errorf("order %s: %w; it stood %+v, and stands %+v", s.ClientID, err, known.stood, s)
	}
	known.stood = &s
	return nil
}

// fits tells what cannot be.
func (k *noted) fits(s client.Standing) error {
	o := k.order
	switch {
	case s.Interval != o.Interval || s.Side != o.Side || s.Energy != o.Energy || s.Price != o.Price:
		return fmt.Errorf("it was sent as %+v", o)
	case s.Filled > o.Energy || s.Filled < 0 || s.Left < 0 || s.Filled+s.Left > o.Energy:
		return fmt.Errorf("of %d Wh", o.Energy)
	case k.stood == nil:
		return nil
	case s.Number != k.stood.Number:
		return fmt.Errorf("it was entered twice")
	case s.Filled < k.stood.Filled:
		return fmt.Errorf("a fill is lost")
	case final(k.stood.Status) && (s.Status != k.stood.Status || s.Filled != k.stood.Filled):
		return fmt.Errorf("it had come to its end")
	}
	return nil
}

func final(s client.Status) bool { return s != client.Pending && s != client.Waiting }

// unanswered returns the orders of which it is not known whether they arrived.
func (n *notes) unanswered() (all []noted) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range n.orders {
		if k.stood == nil {
			all = append(all, *k)
		}
	}
	return all
}

// answered returns the orders from an interval on that were acknowledged.
func (n *notes) answered(from grid.Interval) (all []noted) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range n.orders {
		if k.stood != nil && k.order.Interval.Compare(from) >= 0 {
			all = append(all, *k)
		}
	}
	return all
}

// forget forgets an order that never arrived.
func (n *notes) forget(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.orders, id)
}

// stored notes how many readings are stored.
func (n *notes) stored(readings int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readings = max(n.readings, readings)
}

// number counts orders.
func (n *notes) number() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
	return n.sent
}

// copy copies what is known at this moment.
func (n *notes) copy() *notes {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &notes{orders: map[string]*noted{}, postings: maps.Clone(n.postings), readings: n.readings, sent: n.sent + 1_000_000, wrong: n.wrong}
	for id, k := range n.orders {
		c.orders[id] = new(*k)
	}
	return c
}
