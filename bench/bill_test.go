package bench_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/bench"
)

// TestBill bills two months of three homes.
func TestBill(t *testing.T) {
	r, err := bench.Bill(t.Context(), bench.BillOptions{Homes: 3, Months: 2, Dir: t.TempDir()})
	if err != nil || r.Bills != 6 || r.Intervals != 59*96 {
		t.Errorf("%+v, %v", r, err)
	}
}
