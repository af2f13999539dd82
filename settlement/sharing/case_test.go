package sharing_test

import (
	"os"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// TestCase reads a case and divides it, by hand: without own energy first, and with it.
func TestCase(t *testing.T) {
	text, err := os.ReadFile("testdata/case.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := sharing.ParseCase(text)
	if err != nil {
		t.Fatal(err)
	}
	dynamic := sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}
	d, err := c.Divide(dynamic, false)
	if err != nil {
		t.Fatal(err)
	}
	// Bob needs 300 and ann's flat 100: 400 of the 500 Wh of the roof are consumed.
	if bob, flat, roof := d.Points[0], d.Points[1], d.Points[2]; flat.Bought != 100 || bob.Bought != 300 || roof.Sold != 400 || roof.FeedIn != 100 || d.Own != 0 || d.Shared != 400 {
		t.Errorf("%+v", d)
	}
	if d, err = c.Divide(dynamic, true); err != nil {
		t.Fatal(err)
	}
	if bob, flat, roof := d.Points[0], d.Points[1], d.Points[2]; flat.Own != 100 || flat.Bought != 0 || bob.Bought != 300 || roof.OwnGiven != 100 || roof.Sold != 300 || roof.FeedIn != 100 || d.Own != 100 || d.Shared != 300 {
		t.Errorf("%+v", d)
	}
}

func TestBadCases(t *testing.T) {
	const head = `{"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "points": [`
	for text, want := range map[string]string{
		`{"points": []}`:                                                    "interval: missing",
		head + `]}`:                                                         "points: is empty",
		head + `{"id": "a", "imp": 1}]}`:                                    "points[0].imp: unknown field",
		head + `{"import": 1}]}`:                                            "points[0].id: missing",
		head + `{"id": "a"}, {"id": "a"}]}`:                                 `points[1].id: duplicate "a"`,
		head + `{"id": "a", "import": -1}]}`:                                "points[0].import: -1 is out of range",
		head + `{"id": "a", "export": 1099511627777}]}`:                     "points[0].export: 1099511627777 is out of range",
		head + `{"id": "a", "account": "x"}, {"id": "b"}]}`:                 "points[1].account: give it of all",
		head + `{"id": "a", "account": "x"}, {"id": "b", "account": "x"}]}`: `points[1].account: duplicate "x"`,
		head + `{"id": "*"}]}`:                                              `points[0].id: "*" is no metering point`,
		strings.Replace(head, "15", "7", 1) + `{"id": "a"}]}`:               "interval length 7 min",
		head + `{"id": "a", "import": 0.5}]}`:                               "line 1, column",
	} {
		if _, err := sharing.ParseCase([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// FuzzCase: whatever is read as a case is divided so that everything sums.
func FuzzCase(f *testing.F) {
	text, err := os.ReadFile("testdata/case.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, true)
	f.Fuzz(func(t *testing.T, text []byte, ownFirst bool) {
		c, err := sharing.ParseCase(text)
		if err != nil {
			return
		}
		d, err := c.Divide(sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, ownFirst)
		if err != nil {
			return // all together is too much
		}
		for _, p := range d.Points {
			if p.Import != p.Own+p.Bought+p.Retail || p.Export != p.OwnGiven+p.Sold+p.Given+p.FeedIn-p.Surplus || min(p.Retail, p.FeedIn) < 0 {
				t.Errorf("%+v", p)
			}
		}
	})
}
