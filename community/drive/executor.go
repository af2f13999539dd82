package drive

import (
	"context"
	"sync"

	"github.com/commonwatt/commonwatt/community"
)

// Task is a quote or a settlement. What it returns was logged and noted already; an
// Executor may end the whole by it.
type Task func(ctx context.Context) error

// Executor has tasks carried out, at once or later. Tasks of one step are carried out one
// after the other, in the order in which they came.
type Executor interface {
	Do(ctx context.Context, step community.Step, task Task)
}

// InPlace carries out tasks at once. After one that failed it carries out no other.
type InPlace struct{ err error }

// Do implements Executor.
func (p *InPlace) Do(ctx context.Context, _ community.Step, task Task) {
	if p.err == nil {
		p.err = task(ctx)
	}
}

// Err returns what the first task that failed said.
func (p *InPlace) Err() error { return p.err }

// Workers carries out quotes on one worker and settlements on another. Its owner runs both
// until it stops; what has not begun then is left out.
type Workers struct{ Quotes, Settlements *Worker }

// NewWorkers returns the two, which wait to be run.
func NewWorkers() Workers { return Workers{NewWorker(), NewWorker()} }

// Do implements Executor. The context of the task is that of its worker.
func (w Workers) Do(_ context.Context, step community.Step, task Task) {
	if step == community.Settle {
		w.Settlements.add(task)
	} else {
		w.Quotes.add(task)
	}
}

// Worker carries out tasks one after the other. Use NewWorker.
type Worker struct {
	added chan struct{} // holds one where tasks may wait

	mu    sync.Mutex // guards what follows
	tasks []Task
}

// NewWorker returns a worker without tasks.
func NewWorker() *Worker { return &Worker{added: make(chan struct{}, 1)} }

func (w *Worker) add(task Task) {
	w.mu.Lock()
	w.tasks = append(w.tasks, task)
	w.mu.Unlock()
	select {
	case w.added <- struct{}{}:
	default: // it is told already
	}
}

// take returns all that waits.
func (w *Worker) take() []Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	tasks := w.tasks
	w.tasks = nil
	return tasks
}

// Run carries out tasks until ctx ends. It never fails: what a task returns was logged.
func (w *Worker) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.added:
		}
		w.work(ctx)
	}
}

// work carries out what waits, and leaves the rest when ctx ends.
func (w *Worker) work(ctx context.Context) {
	for _, task := range w.take() {
		if ctx.Err() != nil {
			return
		}
		_ = task(ctx)
	}
}
