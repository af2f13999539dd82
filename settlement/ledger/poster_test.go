package ledger_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// frozen hands over messages once, and remembers whether it was rewound.
type frozen struct {
	messages [][]byte
	failed   error
	rewound  bool
}

func (f *frozen) Consume(ctx context.Context, _, _, _ string, handle func(context.Context, [][]byte) error, _ func(error)) error {
	f.failed = handle(ctx, f.messages)
	return nil
}

func (f *frozen) Count(context.Context, string, string) (uint64, error) {
	return uint64(len(f.messages)), nil
}

func (f *frozen) Rewind(context.Context, string, string) error {
	f.rewound = true
	return nil
}

// TestPoster submits what was frozen: what the ledger lacks comes again from the beginning,
// a message that is no run holds up no other, and who is told of a run finds it counted.
func TestPoster(t *testing.T) {
	l, err := embedded.OpenMemory(t.Context(), community, "EUR", ledger.SeededNames(1))
	must(t, err)
	defer l.Close()
	register(t, l, 2)
	i := interval(1, 0)
	text, err := json.Marshal(run(t, l, i, 2))
	must(t, err)
	on := &frozen{messages: [][]byte{[]byte("{"), text}}
	var told []string
	p := &ledger.Poster{Ledger: l, Frozen: on, Clock: time.Now, Log: slog.New(slog.DiscardHandler)}
	p.Recorded = func(i grid.Interval, _ int) {
		if p.Settled() != 1 {
			t.Errorf("%s is told of while %d intervals are counted", i, p.Settled())
		}
		told = append(told, i.String())
	}
	if err := p.Open(t.Context()); err != nil || !on.rewound || p.Settled() != 0 {
		t.Errorf("opened with an empty ledger: rewound %t, %d settled, %v", on.rewound, p.Settled(), err)
	}
	if err := p.Run(t.Context()); err != nil || strings.Join(told, " ") != i.String() {
		t.Errorf("told of %v, %v", told, err)
	}
	if on.failed == nil || !strings.Contains(on.failed.Error(), "frozen run") {
		t.Errorf("the message that is no run: %v", on.failed)
	}
}
