package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
)

// What configurations and scenarios have in common is checked here, for both alike.

// CalendarText is the life of a delivery interval as it is written.
type CalendarText struct {
	Interval              int // minutes
	GateClosure, Deadline time.Duration
}

// longestDeadline is how long late readings are waited for at most: so long corrections
// follow, which a deadline beyond them would leave no time for.
const longestDeadline = 30 * 24 * time.Hour

// Check tells what is wrong with the times. The error begins with the name of the field.
func (c CalendarText) Check() error {
	if err := (grid.Interval{Minutes: c.Interval}).Validate(); err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	switch {
	case c.GateClosure < 0 || c.GateClosure >= community.DefaultAhead:
		return fmt.Errorf("gate_closure: %s: must be from 0s to less than %s: an interval opens for trade so long before it begins", c.GateClosure, community.DefaultAhead)
	case c.Deadline < 0 || c.Deadline > longestDeadline:
		return fmt.Errorf("deadline: %s: must be from 0s to %s", c.Deadline, longestDeadline)
	default:
		return nil
	}
}

// The years in which a simulated world may take place: the sun's place is reckoned well in
// them, and every delivery interval has a number.
const (
	firstYear = 2000
	lastYear  = 2099
)

// PlaceText is where and when a simulated world begins, as it is written.
type PlaceText struct {
	Start               time.Time
	Latitude, Longitude float64 // degrees
}

// Check tells what is wrong with the place. The error begins with the name of the field, after
// the path.
func (p PlaceText) Check(path string) error {
	const north, east = 90, 180
	switch {
	case !within(p.Latitude, north):
		return fmt.Errorf("%slatitude: %g: must be degrees from -%d to %d", path, p.Latitude, north, north)
	case !within(p.Longitude, east):
		return fmt.Errorf("%slongitude: %g: must be degrees from -%d to %d", path, p.Longitude, east, east)
	case p.Start.UTC().Year() < firstYear || p.Start.UTC().Year() > lastYear:
		return fmt.Errorf("%sstart: %s: must be from the year %d to %d", path, p.Start.Format(time.RFC3339), firstYear, lastYear)
	case p.Start.Unix()%60 != 0 || p.Start.Nanosecond() != 0:
		return fmt.Errorf("%sstart: %s: must be a whole minute", path, p.Start.Format(time.RFC3339Nano))
	default:
		return nil
	}
}

// within tells whether a number is at most the most, either way; what is no number is not.
func within(x, most float64) bool { return x >= -most && x <= most }

// between tells whether a number is above the least and at most the most; what is no number is
// not.
func between(x, least, most float64) bool { return x > least && x <= most }

// listens checks an address to listen on; port 0 is any that is free.
func listens(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: the port must be a number from 0 to 65535", address)
	}
	return nil
}

// serves checks the address of a database.
func serves(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("is no URL: write it as http://localhost:8086")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("must begin with http:// or https:// and name a host, as in http://localhost:8086")
	default:
		return nil
	}
}
