package web

import "github.com/commonwatt/commonwatt/community"

// ShowEvents shows what the market decided.
func (l *Live) ShowEvents(events []community.Event) {
	for _, ev := range events {
		switch ev.Kind {
		case community.Traded:
			l.ShowTrade(*ev.Trade)
		case community.Cleared:
			l.ShowCleared(ev.Product.Interval)
		case community.Opened, community.Accepted, community.Rejected, community.Replaced, community.Cancelled, community.Expired, community.Called:
		}
	}
}
