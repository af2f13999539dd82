package notices_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/notices"
	"github.com/commonwatt/commonwatt/said"
)

// TestEveryKindIsSaid walks the kinds: each has a title and, but for votes, of which there are none, a text, in each language.
func TestEveryKindIsSaid(t *testing.T) {
	t.Parallel()
	catalogue, err := said.Open()
	if err != nil {
		t.Fatal(err)
	}
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range notices.Kinds() {
		n := notices.Notice{
			Kind: kind, Device: "roof", Since: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), Price: 184_000, Bound: 200_000, Bill: "2026-000017", Period: "2026-05", Due: -12_500_000, Ends: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC),
			Text: "The car will have 72 % by 07:00, not 80 %: 3.7 kW for 6.5 h is all there is.",
		}
		en := notices.Place{Language: "en", Zone: vienna, Currency: "CHF", Said: catalogue}.Say(n)
		de := notices.Place{Language: "de", Zone: vienna, Currency: "CHF", Said: catalogue}.Say(n)
		if en.Title == "" || de.Title == "" || en.Title == de.Title || kind != notices.Vote && (en.Text == "" || de.Text == "" || en.Text == de.Text) {
			t.Errorf("%s: %+v %+v", kind, en, de)
		}
		want := map[notices.Kind]string{
			notices.Price:  "Er liegt unter den 0,2000 CHF/kWh, die Sie gesetzt haben.",
			notices.Device: "Zuletzt war es um 11:00 CEST, 1.6.2026 zu hören. Bis es wieder antwortet, ist seine Energie nicht bekannt.",
			notices.Bill:   "Ihre Rechnung für 2026-05 liegt vor. Sie zahlen 12,50 CHF.",
			notices.Limit:  "Das Auto hat um 07:00 nur 72 %, nicht 80 %: mehr als 3,7 kW für 6,5 h gibt es nicht.",
			notices.Ending: "Sein Programm wird ab 12:00 CEST, 1.7.2026 abgewiesen. Legen Sie vorher auf der Seite Ihres Zugangs einen neuen Schlüssel an und geben Sie ihn dem Programm.",
		}
		if de.Text != want[kind] {
			t.Errorf("%s: %q, want %q", kind, de.Text, want[kind])
		}
	}
}
