package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Bar shows progress: a bar on a terminal, a line for each quarter otherwise. It
// is safe for concurrent use.
type Bar struct {
	w     io.Writer
	what  string
	total int

	mu    sync.Mutex
	done  int
	shown int // last line or state that was drawn
}

const (
	barWidth = 40
	quarters = 4
	hundred  = 100
)

// EachPercent is where a program reads the progress: a line for each percent.
type EachPercent struct{ io.Writer }

// NewBar returns a bar that shows, on w, how much of a total is done.
func NewBar(w io.Writer, what string, total int) *Bar {
	return &Bar{w: w, what: what, total: max(total, 1)}
}

// Step notes that one more is done.
func (b *Bar) Step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	b.draw()
}

// Set notes how many are done.
func (b *Bar) Set(done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = done
	b.draw()
}

func (b *Bar) draw() {
	done := min(b.done, b.total)
	if onTerminal(b.w) {
		if state := done + 1; state != b.shown {
			b.shown = state
			fmt.Fprintf(b.w, "\r%s [%-*s] %d of %d", b.what, barWidth, strings.Repeat("#", barWidth*done/b.total), done, b.total)
		}
		return
	}
	parts := quarters
	if _, each := b.w.(EachPercent); each {
		parts = hundred
	}
	if part := parts * done / b.total; part != b.shown {
		b.shown = part
		fmt.Fprintf(b.w, "%s: %d of %d\n", b.what, done, b.total)
	}
}

// End leaves the line.
func (b *Bar) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if onTerminal(b.w) && b.shown > 0 {
		fmt.Fprintln(b.w)
	}
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && Is(f)
}
