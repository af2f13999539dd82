package paper

import (
	"fmt"
	"strings"

	qr "github.com/piglig/go-qr"

	"github.com/commonwatt/commonwatt/grid"
)

// EPC returns the text of the code by which a banking app fills in a credit transfer
// (EPC069-12, version 002): only euros, to an IBAN. It is empty where there is none to be had.
func EPC(to Party, currency string, amount grid.Money, reference string) string {
	const most = 999_999_999_990_000 // 999,999,999.99
	if currency != "EUR" || to.IBAN == "" || amount < 10_000 || amount > most {
		return ""
	}
	name := cut(to.Name, 70)                                                                                                                    //nolint:mnd // the standard's
	return strings.Join([]string{"BCD", "002", "1", "SCT", to.BIC, name, to.IBAN, "EUR" + Plain(amount, 2), "", "", cut(reference, 140)}, "\n") //nolint:mnd // the standard's
}

// cut shortens a text to so many letters.
func cut(text string, most int) string {
	letters := []rune(text)
	return string(letters[:min(len(letters), most)])
}

// code returns the modules of a QR code, true where it is dark. The standard asks for error
// correction M.
func code(text string) ([][]bool, error) {
	q, err := qr.EncodeText(text, qr.Medium)
	if err != nil {
		return nil, fmt.Errorf("payment code: %w", err)
	}
	rows := make([][]bool, q.Size())
	for y := range rows {
		rows[y] = make([]bool, q.Size())
		for x := range rows[y] {
			rows[y][x] = q.Module(x, y)
		}
	}
	return rows, nil
}
