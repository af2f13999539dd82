package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// following keeps an index up with a chain, and reads what is recorded there. It is safe for
// concurrent use. Its owner begins it, and closes it with the chain and the index.
type following struct {
	chain Chain
	index *Index

	more    chan struct{} // there is something for the index to follow
	stop    context.CancelFunc
	running sync.WaitGroup
}

func newFollowing(chain Chain, index *Index) *following {
	return &following{chain: chain, index: index, more: make(chan struct{}, 1), stop: func() {}}
}

// fits refuses a chain of this program's own that is shorter than what the index has of it.
// The peers of a network may be behind each other.
func (f *following) fits(ctx context.Context) error {
	if f.chain.Kind() != "embedded" {
		return nil
	}
	height, _, err := f.chain.Head(ctx)
	if had := f.index.next - 1; err == nil && had > height {
		err = disk.Mismatch("the ledger (ledger.db)", fmt.Sprintf("is older than its index %s: it has %d blocks, and the index has %d of them", IndexFile, height, had))
	}
	return err
}

// begin follows until close; what there is already is followed when it returns.
func (f *following) begin(ctx context.Context) error {
	if err := f.index.Follow(ctx, f.chain); err != nil {
		return err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.running.Go(func() { f.follow(following) })
	return nil
}

// announce says that the chain has more.
func (f *following) announce() {
	select {
	case f.more <- struct{}{}:
	default: // it knows
	}
}

// finishing bounds how long a ledger that is closed waits for its index.
const finishing = 5 * time.Second

// close brings the index up to the chain, if that answers, and closes both.
func (f *following) close() error {
	f.stop()
	f.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), finishing)
	defer cancel()
	_ = f.index.Follow(ctx, f.chain) // what is left is followed, and reported, when it is opened again
	return errors.Join(f.chain.Close(), f.index.Close())
}

// gather is how long the index waits for more blocks unless somebody reads.
const gather = 200 * time.Millisecond

// follow keeps the index up with the chain while runs go on being submitted.
func (f *following) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.more:
			select { // what comes meanwhile costs no further sync
			case <-ctx.Done():
			case <-time.After(gather):
			}
			_ = f.index.Follow(ctx, f.chain) // comes again, and is reported, when somebody reads
		}
	}
}

// Index returns the index, which has all that the chain has.
func (f *following) Index(ctx context.Context) (*Index, error) {
	if err := f.index.Follow(ctx, f.chain); err != nil {
		return nil, err
	}
	return f.index, nil
}

// IsClosed tells whether a run is known to be closed on the chain.
func (f *following) IsClosed(m record.Manifest) bool {
	return f.index.IsClosed(fmt.Sprintf("%s/%s/%d", m.Community, m.Interval, m.Run))
}

// Checkpoint returns the last checkpoint, nil when there is none yet, how many
// postings it has, and whether somebody else has signed it too.
func (f *following) Checkpoint(ctx context.Context) (signed []byte, size int64, cosigned bool, err error) {
	x, err := f.Index(ctx)
	if err != nil {
		return nil, 0, false, err
	}
	signed, size, err = x.Checkpoint(ctx)
	const own = 1
	return signed, size, bytes.Count(signed, []byte("\n\u2014 ")) > own, err
}

// Postings returns all postings of an interval over its runs, in log order.
func (f *following) Postings(ctx context.Context, i grid.Interval) ([]record.Posting, error) {
	x, err := f.Index(ctx)
	if err != nil {
		return nil, err
	}
	var postings []record.Posting
	err = x.Find(ctx, Query{Interval: i.String()}, func(e Entry) error {
		var p record.Posting
		err := json.Unmarshal(e.Posting, &p)
		postings = append(postings, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("postings of %s: %w", i, err)
	}
	return postings, nil
}

// Intervals returns how many intervals have a closed run.
func (f *following) Intervals(ctx context.Context) (int64, error) {
	x, err := f.Index(ctx)
	if err != nil {
		return 0, err
	}
	intervals, _ := x.Closed()
	return intervals, nil
}

// ClosedRuns returns how many runs are closed.
func (f *following) ClosedRuns(ctx context.Context) (int64, error) {
	x, err := f.Index(ctx)
	if err != nil {
		return 0, err
	}
	_, runs := x.Closed()
	return runs, nil
}
