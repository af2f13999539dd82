package bench

import (
	"io"
	"runtime"
	"strconv"
	"time"

	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

// Feed is the load generator of Durable, a process of its own. args are the tape, the
// commands a second, and when the first is due, in ns since 1970; each timed record of
// the tape is written to w when it is due.
func Feed(w io.Writer, args [3]string) error {
	t, err := ReadTape(args[0])
	if err != nil {
		return err
	}
	rate, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return usage.Mark(err)
	}
	start, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return usage.Mark(err)
	}
	return feed(w, t.Records[t.Prefill:], rate, time.Unix(0, start))
}

// feedEvery is how often the generator looks what is due: half of it is what the
// generator itself adds to a latency.
const feedEvery = 25 * time.Microsecond

// feed writes each record when it is due.
func feed(w io.Writer, records []tape.Record, rate int64, start time.Time) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sharpen()
	b := make([]byte, 0, 64<<10)
	last := time.Duration(-1)
	for sent := 0; sent < len(records); {
		now := time.Since(start)
		if wait := last + feedEvery - now; wait > 0 {
			nap(wait) // time.Sleep would be a millisecond late
			continue
		}
		last = now
		due := int(int64(now) * rate / int64(time.Second))
		b = b[:0]
		for ; sent < min(due, len(records)) && len(b) < 60<<10; sent++ {
			b = records[sent].AppendBinary(b)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
