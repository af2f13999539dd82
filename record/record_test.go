package record_test

import (
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/record"
)

func TestPostingIDs(t *testing.T) {
	b := record.Batch{Community: "street", Interval: "2026-06-01T12:00:00Z/15", Run: 2, Batch: 1}
	id := b.PostingID(7)
	if id != "street/2026-06-01T12:00:00Z/15/2/1/7" {
		t.Errorf("id %q", id)
	}
	if parts := record.PartsOf(id); !slices.Equal(parts, []string{"street", "2026-06-01T12:00:00Z", "15", "2", "1", "7"}) {
		t.Errorf("parts %q", parts)
	}
	for _, other := range []string{"", "street/deposit/7", id + "/8"} {
		if parts := record.PartsOf(other); parts != nil {
			t.Errorf("%q is taken for a run's posting: %q", other, parts)
		}
	}
	run := record.Run{Batches: []record.Batch{{Postings: []record.Posting{{ID: "a"}}}, {Postings: []record.Posting{{ID: "b"}, {ID: "c"}}}}}
	if all := run.Postings(); len(all) != 3 || all[2].ID != "c" {
		t.Errorf("postings %v", all)
	}
}
