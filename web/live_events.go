package web

import "github.com/commonwatt/commonwatt/community"

// SeeEvents shows what the market decided.
func (l *Live) SeeEvents(events []community.Event) {
	for _, ev := range events {
		switch ev.Kind {
		case community.Traded:
			l.SeeTrade(*ev.Trade)
		case community.Cleared:
			l.SeeCleared(ev.Product.Interval)
		case community.Opened, community.Accepted, community.Rejected, community.Replaced, community.Cancelled, community.Expired, community.Called:
		}
	}
}
