package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Asker asks on a terminal.
type Asker struct {
	in  *bufio.Reader
	Out io.Writer
}

// NewAsker asks on out, and reads the answers from in.
func NewAsker(in io.Reader, out io.Writer) Asker { return Asker{bufio.NewReader(in), out} }

// ErrAgain has a question asked once more, as if it had not been answered.
var ErrAgain = errors.New("the question is asked again")

// Ask asks until an answer fits, and says what is wrong with one that does not. Errors: the
// context's; io.EOF when nobody answers any more.
func (a Asker) Ask(ctx context.Context, question string, wrong func(answer string) error) (string, error) {
	for {
		fmt.Fprintf(a.Out, "%s ", question)
		answer, err := a.line(ctx)
		if err != nil {
			return "", err
		}
		if err = wrong(answer); err == nil {
			return answer, nil
		}
		if !errors.Is(err, ErrAgain) {
			fmt.Fprintf(a.Out, "%v.\n", err)
		}
	}
}

func (a Asker) line(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // it ends with the program: nothing else ends the wait at a terminal
		text, err := a.in.ReadString('\n')
		answers <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-answers:
		return got.text, got.err
	}
}
