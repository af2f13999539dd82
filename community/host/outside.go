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

// note keeps for whom orders were sent just now.
func (p *programs) note(submissions []community.Submission) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range submissions {
		p.heard[s.Order.Member] = p.clock()
	}
}

// last returns when orders were last sent for the member.
func (p *programs) last(member string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard[member]
}

// Outside takes orders of programs outside, and notes for whom they trade.
type Outside struct{ *Host }

// Begin implements web.Orders.
func (o Outside) Begin(r community.Request) (wait func() ([]community.Outcome, error)) {
	o.programs.note(r.Submissions)
	return o.Host.Begin(r)
}

// Submit is Host.Submit for a program outside.
func (o Outside) Submit(submissions []community.Submission) ([]community.Outcome, error) {
	return o.Begin(community.Request{Submissions: submissions})()
}

// HeardOutside returns when a program outside last sent orders for the member.
func (h *Host) HeardOutside(member string) time.Time { return h.programs.last(member) }
