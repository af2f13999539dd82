package clearing

import (
	"strings"
	"testing"
)

func TestAnEmptyResultSaysWhy(t *testing.T) {
	mine := func(o Order) Order { o.Member = "ann"; return o }
	for want, c := range map[string]Case{
		"there are no orders": {Mechanism: Uniform},
		"there is no bid, and there is no utility; the cheapest offer, o, asks 70": {Mechanism: Uniform, Orders: []Order{offered("dear", 1, 80, ""), offered("o", 1, 70, "")}},
		"there is no offer, and the utility sells at 300":                          auctionOf(300, 60, 10, wanted("b", 1, 200, "")),
		"the dearest bid, b, pays 60, and the cheapest offer, o, asks 70":          {Mechanism: Uniform, Orders: []Order{wanted("b", 1, 60, ""), offered("o", 1, 70, "")}},
		"are of one member, ann":                           {Mechanism: Uniform, Orders: []Order{mine(wanted("b", 1, 90, "")), mine(offered("o", 1, 70, ""))}},
		"its member's own":                                 {Mechanism: Uniform, Feeder: star(2, 5, nil), Orders: []Order{mine(wanted("b", 1, 90, "n0")), mine(offered("o", 1, 70, "n1"))}},
		"fees and limits of the lines between":             {Mechanism: Uniform, Feeder: star(2, 50, nil), Orders: []Order{wanted("b", 1, 90, "n0"), offered("o", 1, 70, "n1")}},
		"the mechanism mcafee, leave nothing of the bid b": {Mechanism: "mcafee", Orders: []Order{wanted("b", 1, 90, ""), offered("o", 1, 70, "")}},
		"": {Mechanism: Uniform, Orders: []Order{wanted("b", 1, 90, ""), offered("o", 1, 70, "")}},
	} {
		r, err := c.Clear()
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Why(r); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
