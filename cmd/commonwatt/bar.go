package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// bar shows progress: a bar on a terminal, a line for each quarter otherwise. It
// is safe for concurrent use.
type bar struct {
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
)

func newBar(w io.Writer, what string, total int) *bar {
	return &bar{w: w, what: what, total: max(total, 1)}
}

func (b *bar) step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	b.draw()
}

func (b *bar) set(done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = done
	b.draw()
}

func (b *bar) draw() {
	done := min(b.done, b.total)
	if terminal(b.w) {
		if state := done + 1; state != b.shown {
			b.shown = state
			fmt.Fprintf(b.w, "\r%s [%-*s] %d of %d", b.what, barWidth, strings.Repeat("#", barWidth*done/b.total), done, b.total)
		}
		return
	}
	if quarter := quarters * done / b.total; quarter != b.shown {
		b.shown = quarter
		fmt.Fprintf(b.w, "%s: %d of %d\n", b.what, done, b.total)
	}
}

func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if terminal(b.w) && b.shown > 0 {
		fmt.Fprintln(b.w)
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f)
}
