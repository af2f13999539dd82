package meters

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestADoubtThatComesAndGoesIsToldOnce has a device say every other second what cannot be believed, for ten minutes and
// once more: that is told when it begins, and then with how often it came. Another doubt, which begins five minutes later
// and stays, is told when ten are over.
func TestADoubtThatComesAndGoesIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		p := &poller{log: slog.New(slog.NewTextHandler(&text, nil))}
		doubt := errors.New("power: 90 kW is more than it can")
		for second := range 10*60 + 1 {
			if second%2 == 0 {
				p.note(t.Context(), doubt)
				p.note(t.Context(), doubt) // it goes on
			} else {
				p.note(t.Context(), nil)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		p.note(t.Context(), nil)
		for range 6 {
			p.note(t.Context(), errors.New("import register: it jumped")) // and stays so
			time.Sleep(time.Minute)
		}
		told := strings.Split(strings.TrimSpace(text.String()), "\n")
		if len(told) != 3 || !strings.Contains(told[2], "it jumped") || !strings.Contains(told[2], "more_since_last_told=0") || !strings.Contains(told[0], "90 kW") || !strings.Contains(told[0], "more_since_last_told=0") || !strings.Contains(told[1], "more_since_last_told=299") {
			t.Errorf("told was\n%s", text.String())
		}
	})
}
