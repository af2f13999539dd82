package shown

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/members/consent"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// street is the past of five homes, of one step each: the k-th took k Wh. reading is called before
// a home is read.
type street struct{ reading func(home string) }

func (street) Homes() []string { return []string{"a", "b", "c", "d", "e"} }
func (street) Zone() string    { return "UTC" }

func (s street) Steps(_ context.Context, home string, _ web.Range) ([]api.HistoryPoint, error) {
	if s.reading != nil {
		s.reading(home)
	}
	k := int64(home[0]-'a') + 1
	return []api.HistoryPoint{{Import: &k, Export: new(int64), Cost: new(int64(77_777)), Solar: new(int64(88_888))}}, nil
}

// taken is what homes took together, which tells which are among them, and how many there are.
func taken(t *testing.T, c Consented) (sum int64, homes int) {
	t.Helper()
	h, err := c.History(t.Context(), web.Range{Step: "1h"})
	var refused interface {
		Refused() (missing, conflict bool)
	}
	if errors.As(err, &refused) {
		if len(h.Homes) > 0 {
			t.Errorf("refused, and told %+v", h)
		}
		return 0, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for k, home := range h.Homes {
		sum += *home.Points[0].Import
		if k > 0 && h.Homes[k-1].Pseudonym >= home.Pseudonym {
			t.Error("not in the order of the pseudonyms")
		}
	}
	text, err := json.Marshal(h)
	if err != nil || strings.Contains(string(text), "7777") || strings.Contains(string(text), "8888") || strings.Contains(string(text), `"a"`) {
		t.Errorf("more than was allowed: %s", text)
	}
	return sum, len(h.Homes)
}

// TestResearchGoesByConsentAtOnce gives and withdraws consent, also while homes are being read.
func TestResearchGoesByConsentAtOnce(t *testing.T) {
	kept, err := consent.Open(&disk.Dir{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	decide := func(homes string, allowed bool) {
		t.Helper()
		for home := range strings.SplitSeq(homes, "") {
			if err := kept.Decide(home, map[consent.Use]bool{consent.Research: allowed}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := Consented{Past: street{}, Kept: kept, Secret: []byte("oak")}
	want := func(when string, sum int64, homes int) {
		t.Helper()
		if s, n := taken(t, c); s != sum || n != homes {
			t.Errorf("%s: %d homes took %d Wh, want %d and %d", when, n, s, homes, sum)
		}
	}
	read := ""
	c.Past = street{reading: func(home string) { read += home }}
	want("nobody was asked", 0, 0)
	decide("ab", true)
	want("two allow it", 0, 0)
	decide("e", true)
	want("three allow it", 8, 3)
	if read != "abe" {
		t.Errorf("read %q: want the homes that allow it, and none of too few", read)
	}
	c.Past = street{}
	decide("d", true)
	decide("a", false)
	want("one withdrew, one came", 11, 3)
	c.Past = street{reading: func(string) { decide("b", false) }}
	want("one withdraws while it is read", 0, 0)
	decide("ab", true)
	c.Past = street{reading: func(string) { decide("b", false) }}
	want("one of four withdraws while it is read", 10, 3)
	other := c
	other.Past, other.Secret = street{}, []byte("elm")
	c.Past = street{}
	one, err1 := c.History(t.Context(), web.Range{})
	two, err2 := other.History(t.Context(), web.Range{})
	if err1 != nil || err2 != nil || one.Homes[0].Pseudonym == two.Homes[0].Pseudonym || len(one.Homes[0].Pseudonym) != 16 {
		t.Errorf("pseudonyms go by the secret: %+v, %+v, %v, %v", one, two, err1, err2)
	}
}
