package hub

import (
	"time"

	"github.com/commonwatt/commonwatt/config"
)

// zoneOf returns the community's local time, by which its months are.
func zoneOf(config.Plan) *time.Location { return time.UTC }
