package hub

import (
	"time"

	"github.com/commonwatt/commonwatt/config"
)

// zoneOf returns the community's local time, by which its months are.
func zoneOf(p config.Plan) *time.Location {
	if p.Money.Zone == nil {
		return time.UTC
	}
	return p.Money.Zone
}
