package hub

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/notices"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// opened opens the accounts of a directory.
func opened(t *testing.T, dir *disk.Dir, closed bool) people {
	t.Helper()
	p, err := openPeople(t.Context(), dir, nil, closed, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.close() })
	return p
}

// TestTheFirstLinkIsKept makes the link of a first start: it is the same at the next start, is in a file
// that its owner alone reads, makes an operator, and is gone at the start after that. A demonstration
// has none.
func TestTheFirstLinkIsKept(t *testing.T) {
	dir, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if p := opened(t, dir, false); p.first != "" {
		t.Errorf("a demonstration has the link %q", p.first)
	}
	first := opened(t, dir, true)
	text, err := os.ReadFile(dir.File(FirstLinkFile))
	if err != nil || len(first.first) < 20 || strings.TrimSpace(string(text)) != first.first {
		t.Fatalf("%q in the file, %q, %v", text, first.first, err)
	}
	if info, err := os.Stat(dir.File(FirstLinkFile)); err != nil || info.Mode().Perm() != disk.Private {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	again := opened(t, dir, true)
	if again.first != first.first {
		t.Errorf("it is %q at the next start, was %q", again.first, first.first)
	}
	if _, err := again.book.Entrance.Begin(t.Context(), again.first, accounts.New{EMail: "o@elm.example", Name: "O", Password: "three small words"}, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if p := opened(t, dir, true); p.first != "" {
		t.Errorf("with an operator there is the link %q", p.first)
	}
	if _, err := os.Stat(dir.File(FirstLinkFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its file is still there: %v", err)
	}
}

// TestHowSomebodyIsReached: as the account says, in the community's language where it says none; who
// is no homeowner of the home any more is gone, and so is a demonstration's guest where there is no
// demonstration. What could not be read is no reason to forget anybody.
func TestHowSomebodyIsReached(t *testing.T) {
	kept := map[string]accounts.Account{
		"ann":  {ID: "ann", EMail: "ann@elm.example", Role: "homeowner", Member: "oak", Language: "en"},
		"cleo": {ID: "cleo", EMail: "cleo@elm.example", Role: "homeowner", Member: "oak"},
		"ute":  {ID: "ute", EMail: "ute@elm.example", Role: "utility"},
		"bob":  {ID: "bob", EMail: "bob@elm.example", Role: "homeowner", Member: "elm"},
	}
	var failure error
	plan := config.Plan{}
	plan.Access.Language = "de"
	telling := &telling{market: &market{site: &site{plan: plan}}, account: func(_ context.Context, id string) (accounts.Account, error) {
		a, known := kept[id]
		if !known {
			return a, errors.Join(accounts.ErrNone, failure)
		}
		return a, failure
	}}
	for account, want := range map[string]notices.Contact{
		"ann": {EMail: "ann@elm.example", Language: "en"}, "cleo": {EMail: "cleo@elm.example", Language: "de"},
		"ute": {Gone: true}, "bob": {Gone: true}, "nobody": {Gone: true}, "guest": {Gone: true},
	} {
		if c, err := telling.contact(t.Context(), notices.Recipient{Account: account, Member: "oak"}); err != nil || c != want {
			t.Errorf("%s: %+v, %v, want %+v", account, c, err, want)
		}
	}
	failure = errors.New("the disk does not answer")
	if c, err := telling.contact(t.Context(), notices.Recipient{Account: "ann", Member: "oak"}); err == nil || c.Gone {
		t.Errorf("%+v, %v", c, err)
	}
	telling.account = nil
	if c, err := telling.contact(t.Context(), notices.Recipient{Account: "ann", Member: "oak"}); err == nil || c.Gone {
		t.Errorf("before the accounts are open: %+v, %v", c, err)
	}
}
