package statements

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/commonwatt/commonwatt/settlement"
)

// Frozen is where frozen runs are.
type Frozen interface {
	// Consume hands over messages until ctx ends; what handle fails on comes again.
	Consume(ctx context.Context, stream, subject, durable string, handle func(context.Context, [][]byte) error, failed func(error)) error
	// Count returns how many messages a subject has.
	Count(ctx context.Context, stream, subject string) (uint64, error)
	// Rewind has a durable consumer begin anew.
	Rewind(ctx context.Context, stream, durable string) error
}

// Follower adds the frozen runs of a community to its book. Its owner opens it, runs Run
// until it stops, and closes the book afterwards.
type Follower struct {
	Book      *Book
	Frozen    Frozen
	Community string
	Stream    string // which has the runs
	Subject   string // of the community's runs
	Owner     Owner
	Log       *slog.Logger
	Added     func() // is told when rows were added; nil: nobody is
}

// Consumer is the durable name by which runs are taken.
func (f *Follower) Consumer() string { return "statements-" + f.Community }

// Open begins with the first frozen run again when the book lacks any.
func (f *Follower) Open(ctx context.Context) error {
	frozen, err := f.Frozen.Count(ctx, f.Stream, f.Subject)
	if err != nil {
		return err
	}
	last, err := f.Book.Last(ctx)
	if err != nil || last >= int64(frozen) {
		return err
	}
	return f.Frozen.Rewind(ctx, f.Stream, f.Consumer())
}

// Run adds runs until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	return f.Frozen.Consume(ctx, f.Stream, f.Subject, f.Consumer(), f.take, func(err error) {
		f.Log.WarnContext(ctx, "a settlement run is not in the statement book yet", slog.String("error", err.Error()))
	})
}

func (f *Follower) take(ctx context.Context, messages [][]byte) error {
	runs := make([]settlement.Run, len(messages))
	var problems []error
	for k, m := range messages {
		if err := json.Unmarshal(m, &runs[k]); err != nil {
			problems = append(problems, fmt.Errorf("frozen run: %w", err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if err := f.Book.Add(ctx, f.Owner, runs...); err != nil {
		return err
	}
	if f.Added != nil {
		f.Added()
	}
	return nil
}
