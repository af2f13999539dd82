package shown

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/measures"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestWhatIsNotKnownHasAReason shows the bills by simpler ways as what members pay, and says of what is
// missing why; before the first interval neither bill is said to be nothing.
func TestWhatIsNotKnownHasAReason(t *testing.T) {
	reasons := func(m api.Measures) map[string]string {
		all := map[string]string{}
		for _, u := range m.Unknown {
			all[u.Measure] = u.Reason
		}
		return all
	}
	m := api.Measures{Intervals: 2}
	compared(&m, measures.Otherwise{Key: -108_000, Rules: 270_000})
	if why := reasons(m); *m.BillByKey != 108_000 || *m.BillRuleBased != -270_000 || why["bill_rule_based"] != "" {
		t.Errorf("%+v", m)
	}
	m = api.Measures{Intervals: 2}
	compared(&m, measures.Otherwise{Key: -108_000, Rules: 270_000, Unknown: 1})
	if why := reasons(m); *m.BillByKey != 108_000 || m.BillRuleBased != nil || !strings.HasPrefix(why["bill_rule_based"], "Of 1 of 2 intervals") {
		t.Errorf("%+v", m)
	}
	m = api.Measures{}
	if compared(&m, measures.Otherwise{}); m.BillByKey != nil || m.BillRuleBased != nil {
		t.Errorf("%+v", m)
	}
}
