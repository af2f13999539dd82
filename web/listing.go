package web

import (
	"net/http"
	"time"
)

// Listing says which part of a list somebody wants.
type Listing struct {
	From, Until *time.Time // what is then or later, and earlier than that; nil: no bound
	Skip        int        // how many of those are left out at first
	Limit       int        // how many there are at most then; 0: all that are left
}

// isFile tells whether all is wanted, as a file.
func (l Listing) isFile() bool { return l.Limit == 0 }

// Has tells whether something of a time is wanted.
func (l Listing) Has(t time.Time) bool {
	return (l.From == nil || !t.Before(*l.From)) && (l.Until == nil || t.Before(*l.Until))
}

// PageOf returns the entries of a list that are wanted.
func PageOf[T any](l Listing, all []T) []T {
	all = all[min(l.Skip, len(all)):]
	if l.Limit > 0 {
		all = all[:min(l.Limit, len(all))]
	}
	return all
}

// listing reads what somebody wants of a list.
func listing(from, until *time.Time, skip, limit *int, format *string) (Listing, error) {
	const usual, most = 25, 100
	l := Listing{From: from, Until: until, Limit: usual}
	if skip != nil {
		l.Skip = *skip
	}
	if limit != nil {
		l.Limit = *limit
	}
	if l.Skip < 0 {
		return l, refuse(http.StatusBadRequest, "skip: must not be negative")
	}
	if l.Limit < 1 || l.Limit > most {
		return l, refuse(http.StatusBadRequest, "limit: %d: must be 1 to %d", l.Limit, most)
	}
	switch text(format) {
	case "", "json":
		return l, nil
	case "csv":
		l.Skip, l.Limit = 0, 0
		return l, nil
	default:
		return l, refuse(http.StatusBadRequest, "format: %q is none: ask for json or csv", *format)
	}
}
