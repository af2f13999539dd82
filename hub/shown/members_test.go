package shown

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/purse"
	"github.com/commonwatt/commonwatt/web"
)

// TestWhyAPaymentIsRefused is told with the code of HTTP that fits; what the operator cannot
// mend stays as it is.
func TestWhyAPaymentIsRefused(t *testing.T) {
	for why, code := range map[purse.Why]int{purse.Wrong: http.StatusBadRequest, purse.Unknown: http.StatusNotFound, purse.Conflict: http.StatusConflict} {
		err := refusal(fmt.Errorf("transfer: %w", &purse.RefusedError{Why: why, Text: "why"}))
		if r := (*web.RefusedError)(nil); !errors.As(err, &r) || r.Code != code || r.Text != "why" {
			t.Errorf("%d: %v", why, err)
		}
	}
	away := errors.New("the ledger is away")
	if err := refusal(away); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
	if refusal(nil) != nil {
		t.Error("a refusal of nothing")
	}
}
