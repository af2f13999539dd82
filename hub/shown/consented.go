package shown

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/members/consent"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// Consented shows researchers what homes took and gave whose members allow it. It implements
// web.Consented.
type Consented struct {
	Past   HomesPast
	Kept   *consent.Kept
	Secret []byte // by which homes get their pseudonyms
}

// HomesPast is the past of all homes. A Past is one.
type HomesPast interface {
	Homes() []string
	Steps(ctx context.Context, home string, r web.Range) ([]api.HistoryPoint, error)
	Zone() string
}

// fewHomesError says that too few members allow research.
type fewHomesError struct{}

func (fewHomesError) Error() string {
	return fmt.Sprintf("fewer than %d homes allow research, and of so few nothing is told: each could be guessed", fewest)
}

// Refused tells web that nothing is wrong with what was asked.
func (fewHomesError) Refused() (missing, conflict bool) { return false, true }

// pseudonym is what a home is called. Nobody without the secret can tell which home it is.
func (c Consented) pseudonym(member string) string {
	const bytes = 8
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte("research/" + member)) // never fails
	return hex.EncodeToString(mac.Sum(nil)[:bytes])
}

// allowing returns the members that allow research now.
func (c Consented) allowing() (members []string) {
	for _, home := range c.Past.Homes() {
		if c.Kept.Allows(home, consent.Research) {
			members = append(members, home)
		}
	}
	return members
}

// History implements web.Consented. Who withdraws while it is read is left out as well.
func (c Consented) History(ctx context.Context, r web.Range) (h api.ResearchHistory, err error) {
	h = api.ResearchHistory{Zone: c.Past.Zone(), Step: r.Step}
	members := c.allowing()
	if len(members) < fewest {
		return h, fewHomesError{}
	}
	read := map[string]api.ResearchHome{}
	for _, member := range members {
		points, err := c.Past.Steps(ctx, member, r)
		if err != nil {
			return h, err
		}
		home := api.ResearchHome{Pseudonym: c.pseudonym(member), Points: make([]api.ResearchPoint, len(points))}
		for k, p := range points {
			home.Points[k] = api.ResearchPoint{Start: p.Start, End: p.End, Quality: p.Quality, Import: p.Import, Export: p.Export}
		}
		read[member] = home
	}
	h.Homes = c.still(read)
	if len(h.Homes) < fewest {
		return api.ResearchHistory{}, fewHomesError{}
	}
	return h, nil
}

// still returns the homes whose members allow research still, by pseudonym: the order of their
// names would tell which is which.
func (c Consented) still(read map[string]api.ResearchHome) (homes []api.ResearchHome) {
	for member, home := range read {
		if c.Kept.Allows(member, consent.Research) {
			homes = append(homes, home)
		}
	}
	slices.SortFunc(homes, func(a, b api.ResearchHome) int { return strings.Compare(a.Pseudonym, b.Pseudonym) })
	return homes
}
