package host

import (
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
)

// programs are those outside that trade for members. It is safe for concurrent use.
type programs struct {
	clock func() time.Time // world time

	mu    sync.Mutex
	heard map[string]time.Time // by member, when one last sent orders (world time)
}

// OutsideFor is for how long (world time) a member's built-in agent leaves the trade to a program
// outside that has sent an order.
const OutsideFor = 2 * time.Hour

// note keeps for whom orders were sent just now, and returns for whom none were sent lately.
func (p *programs) note(submissions []community.Submission) (begin []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock()
	for _, s := range submissions {
		if member := s.Order.Member; now.Sub(p.heard[member]) >= OutsideFor {
			begin = append(begin, member)
		}
		p.heard[s.Order.Member] = now
	}
	return begin
}

// last returns when orders were last sent for the member.
func (p *programs) last(member string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard[member]
}

// Outside takes orders of programs outside, and notes for whom they trade.
type Outside struct{ *Host }

// Begin implements web.Orders. With the first order that a program outside sends for a member, what
// the member's agent in this process has waiting is cancelled: nobody trades the same energy twice.
func (o Outside) Begin(r community.Request) (wait func() ([]community.Outcome, error)) {
	for _, member := range o.programs.note(r.Submissions) {
		if changes := o.agents(member); len(changes) > 0 {
			o.Host.Begin(community.Request{Changes: changes}) // carried out before what is asked next
		}
	}
	return o.Host.Begin(r)
}

// agents returns what cancels the waiting orders of a member's agent in this process.
func (o Outside) agents(member string) (changes []community.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, order := range o.market.Waiting(member) {
		if order.OfAgent() {
			changes = append(changes, community.Change{Member: member, ClientID: order.ClientID, Cancel: true, Time: o.programs.clock()})
		}
	}
	return changes
}

// Submit is Host.Submit for a program outside.
func (o Outside) Submit(submissions []community.Submission) ([]community.Outcome, error) {
	return o.Begin(community.Request{Submissions: submissions})()
}

// HeardOutside returns when a program outside last sent orders for the member.
func (h *Host) HeardOutside(member string) time.Time { return h.programs.last(member) }
