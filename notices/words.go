package notices

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/said"
)

// Words are how a notice is said.
type Words struct{ Title, Text string }

// Place is where a member lives, for words.
type Place struct {
	Language string // en or de; another one is said in English
	Zone     *time.Location
	Currency string
	Said     *said.Catalogue // of what others say of a home, such as a limit that cannot be kept
}

// Say says a notice.
func (p Place) Say(n Notice) Words {
	if p.Language == "de" {
		return p.german(n)
	}
	return p.english(n)
}

func (p Place) english(n Notice) Words {
	switch n.Kind {
	case Price:
		way := "below"
		if n.Above {
			way = "above"
		}
		return Words{"The price among neighbours is " + p.price(n.Price), fmt.Sprintf("It is %s the %s that you set.", way, p.price(n.Bound))}
	case Device:
		return Words{n.Device + " does not answer", fmt.Sprintf("It was heard last at %s. Its energy is not known until it answers again.", p.time(n.Since))}
	case Bill:
		return Words{"Bill " + n.Bill, fmt.Sprintf("Your bill for %s is there. %s", n.Period, p.due(n.Due, "You pay %s.", "You get %s.", "Nothing is due."))}
	case Limit:
		return Words{"A limit of your home cannot be kept", n.Text}
	case Ending:
		return Words{"The key for " + n.Text + " ends", fmt.Sprintf("Its program is refused from %s on. Make another key on the page of your account before, and give it to the program.", p.time(n.Ends))}
	case Vote:
	}
	return Words{Title: "Your community decides something"}
}

func (p Place) german(n Notice) Words {
	switch n.Kind {
	case Price:
		way := "unter"
		if n.Above {
			way = "über"
		}
		return Words{"Der Preis unter Nachbarn ist " + p.price(n.Price), fmt.Sprintf("Er liegt %s den %s, die Sie gesetzt haben.", way, p.price(n.Bound))}
	case Device:
		return Words{n.Device + " antwortet nicht", fmt.Sprintf("Zuletzt war es um %s zu hören. Bis es wieder antwortet, ist seine Energie nicht bekannt.", p.time(n.Since))}
	case Bill:
		return Words{"Rechnung " + n.Bill, fmt.Sprintf("Ihre Rechnung für %s liegt vor. %s", n.Period, p.due(n.Due, "Sie zahlen %s.", "Sie erhalten %s.", "Es ist nichts offen."))}
	case Limit:
		return Words{"Eine Grenze Ihres Hauses lässt sich nicht einhalten", p.Said.Say(n.Text, said.German, p.Zone)}
	case Ending:
		return Words{"Der Schlüssel für " + n.Text + " läuft ab", fmt.Sprintf("Sein Programm wird ab %s abgewiesen. Legen Sie vorher auf der Seite Ihres Zugangs einen neuen Schlüssel an und geben Sie ihn dem Programm.", p.time(n.Ends))}
	case Vote:
	}
	return Words{Title: "Ihre Gemeinschaft entscheidet etwas"}
}

// price is a price with four decimals, as in 0.1840 EUR/kWh.
func (p Place) price(x grid.Price) string {
	const unit, shown = 1_000_000, 100
	sign := ""
	if x < 0 {
		sign, x = "−", -x
	}
	whole := (int64(x) + shown/2) / shown
	text := fmt.Sprintf("%s%d.%04d %s/kWh", sign, whole*shown/unit, whole%(unit/shown), p.Currency)
	return p.comma(text)
}

// time is a time by the clocks of the place, with their name.
func (p Place) time(t time.Time) string {
	if p.Language == "de" {
		return t.In(p.Zone).Format("15:04 MST, 2.1.2006")
	}
	return t.In(p.Zone).Format("15:04 MST, 2 January 2006")
}

func (p Place) due(m grid.Money, pays, gets, nothing string) string {
	const unit, shown = 1_000_000, 10_000
	size := max(int64(m), -int64(m)) / shown
	amount := p.comma(fmt.Sprintf("%d.%02d %s", size*shown/unit, size%(unit/shown), p.Currency))
	switch {
	case m < 0:
		return fmt.Sprintf(pays, amount)
	case m > 0:
		return fmt.Sprintf(gets, amount)
	default:
		return nothing
	}
}

// comma has the decimal mark of the language.
func (p Place) comma(text string) string {
	if p.Language != "de" {
		return text
	}
	out := []rune(text)
	for k, r := range out {
		if r == '.' {
			out[k] = ','
		}
	}
	return string(out)
}

// offText says what the link does that turns a kind off.
func (p Place) offText(address string) string {
	if p.Language == "de" {
		return "Diese Mitteilungen abstellen: " + address
	}
	return "Turn these notices off: " + address
}
