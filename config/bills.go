package config

import "fmt"

// The meter values that bill.
const (
	BySigned   = "signed"
	ByOfficial = "official"
)

// BillsText says which meter values bill.
type BillsText struct {
	BillsBy string `yaml:"bills_by" eg:"signed" doc:"the meter values that bill: signed, those that are read here; official, those of the grid operator that are imported (commonwatt values), where there are any"`
}

// ByOfficialValues tells whether the grid operator's values bill. The error begins with the
// name of the field.
func (t BillsText) ByOfficialValues() (bool, error) {
	switch t.BillsBy {
	case "", BySigned:
		return false, nil
	case ByOfficial:
		return true, nil
	default:
		return false, fmt.Errorf("bills_by: %q is neither %s nor %s", t.BillsBy, BySigned, ByOfficial)
	}
}
