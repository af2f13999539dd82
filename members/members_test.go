package members_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/members"
)

// wrong is what the bad lines of testdata/list.csv have to be told of: the check digits of
// line 6 are those of the published sample DE89 3704 0044 0532 0130 00 with another last digit.
func wrong() []string {
	return []string{
		`line 6, e-mail: "bob@example" is no e-mail address`,
		`line 6, iban: "DE89 3704 0044 0532 0130 01" is no IBAN: iban has incorrect check digits`,
		`line 6, language: "deu"`,
		`line 6, mandate date: is missing`,
		`line 7, number: is missing`,
		`line 8, number: "home-01" stands in line 2 too`,
		`line 9, mandate date: "2026-02-30" is no date`,
	}
}

func read(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/list.csv")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func problems(l members.List) (all []string) {
	for _, p := range l.Problems {
		all = append(all, p.Error())
	}
	return all
}

func TestEveryRowIsJudgedByItself(t *testing.T) {
	l, err := members.Read(read(t))
	if err != nil {
		t.Fatal(err)
	}
	got := problems(l)
	for k, want := range wrong() {
		if k >= len(got) || !strings.HasPrefix(got[k], want) {
			t.Errorf("problem %d of %q, want %q", k, got, want)
		}
	}
	if len(got) != len(wrong()) || len(l.Rows) != 3 {
		t.Errorf("%d problems, %d good rows: %q", len(got), len(l.Rows), got)
	}
	ann, hanako := l.Rows[0].Details, l.Rows[2].Details
	if ann[chaincode.DetailIBAN] != "DE89370400440532013000" || ann[chaincode.DetailAddress] != "Ulmenweg 1\n12345 Ulm" || ann[chaincode.DetailName] != "Ann Müller" {
		t.Errorf("%q", ann)
	}
	if hanako[chaincode.DetailName] != "山田 花子" || hanako[chaincode.DetailAddress] != "1-2-3 Kasumi\nTokyo" || l.Rows[2].Line != 4 {
		t.Errorf("line %d: %q", l.Rows[2].Line, hanako)
	}
}

// workbook is the same list in a spreadsheet, its mandate's date as a day that the
// spreadsheet counts.
func workbook(t testing.TB) []byte {
	t.Helper()
	l, err := members.Read(read(t))
	if err != nil {
		t.Fatal(err)
	}
	f := excelize.NewFile()
	defer f.Close()
	for k, c := range members.Columns() {
		cell := func(row int) string {
			name, err := excelize.CoordinatesToCellName(k+1, row)
			if err != nil {
				t.Fatal(err)
			}
			return name
		}
		values := []any{c.Name}
		for _, r := range l.Rows {
			values = append(values, r.Details[c.Detail])
		}
		if c.Detail == chaincode.DetailMandateDate {
			values[1] = 46143 // 2026-05-01: days since 1899-12-30
		}
		for row, v := range values {
			if err := f.SetCellValue("Sheet1", cell(row+1), v); err != nil {
				t.Fatal(err)
			}
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAWorkbookSaysTheSame(t *testing.T) {
	fromCSV, err := members.Read(read(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := members.Read(workbook(t))
	if err != nil || len(l.Problems) > 0 || len(l.Rows) != len(fromCSV.Rows) {
		t.Fatalf("%v, %q, %d rows", err, problems(l), len(l.Rows))
	}
	for k, r := range l.Rows {
		if !maps.Equal(r.Details, fromCSV.Rows[k].Details) {
			t.Errorf("%q, want %q", r.Details, fromCSV.Rows[k].Details)
		}
	}
}

func TestFilesThatAreNoList(t *testing.T) {
	for file, want := range map[string]string{
		"":                                "is empty",
		"\xff\xfen\x00u\x00":              "is UTF-16",
		"name,colour\nAnn,red":            `no column "colour"`,
		"name\nAnn":                       `column "number" is missing`,
		"number,name,Number\n1,Ann,1":     `"number" is there twice`,
		"PK\x03\x04no workbook":           "workbook cannot be read",
		strings.Repeat("x", 16<<20) + "y": "at most",
	} {
		if _, err := members.Read([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", file, err, want)
		}
	}
	for file, want := range map[string]string{
		"number,name\n1,M\xfcller":               "line 2, name: is not UTF-8",
		"number,name\n1,\"Ann\" Miller\n2,Bob":   "line 2: cannot be read",
		"number,name\n1,Ann,Elm Street\n2,Bob":   "line 2: has 3 cells",
		"number,name,mandate,iban\n1,Ann,M-1,\n": "line 2, mandate: is for no account",
	} {
		l, err := members.Read([]byte(file))
		if got := problems(l); err != nil || len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q: %v %q, want %s", file, err, got, want)
		}
	}
}

func TestTheTemplateIsAList(t *testing.T) {
	var out bytes.Buffer
	if err := members.Template(&out); err != nil {
		t.Fatal(err)
	}
	l, err := members.Read(out.Bytes())
	if err != nil || len(l.Problems) > 0 || len(l.Rows) != 1 || len(l.Rows[0].Details) != len(members.Columns()) {
		t.Errorf("%v %q %d rows", err, problems(l), len(l.Rows))
	}
}

// kept is a register in memory, which may refuse a member.
type kept struct {
	people  map[string]map[string]string
	refuses string
	writes  int
}

var errRefused = errors.New("refused")

func (k *kept) Personal(_ context.Context, member string) (map[string]string, error) {
	return k.people[member], nil
}

func (k *kept) SetPersonal(_ context.Context, member string, details map[string]string) error {
	if member == k.refuses {
		return errRefused
	}
	k.writes++
	k.people[member] = details
	return nil
}

func (k *kept) People() []string { return slices.Collect(maps.Keys(k.people)) }

func told(i members.Import) (all []string) {
	for _, o := range i.Outcomes {
		all = append(all, fmt.Sprint(o.Number, " ", o.What, " ", o.Fields, " ", o.Points))
	}
	return all
}

// TestAnImportIsPreviewedAndCountsOnce previews, stops in the middle, goes on, and comes
// again; then a list with other columns changes what it tells and nothing else.
func TestAnImportIsPreviewedAndCountsOnce(t *testing.T) {
	k := &kept{people: map[string]map[string]string{}, refuses: "home-03"}
	d := members.Desk{Register: k, Points: func(member string) int { return map[string]int{"home-01": 2}[member] }}
	l, err := members.Read(read(t))
	if err != nil {
		t.Fatal(err)
	}
	preview, err := d.Import(t.Context(), l, false)
	if err != nil || k.writes != 0 || preview.Applied || len(preview.Problems) != len(wrong()) || preview.Outcomes[0].What != members.IsNew || preview.Outcomes[0].Points != 2 {
		t.Errorf("%v, %d writes, %+v", err, k.writes, preview)
	}
	if _, err := d.Import(t.Context(), l, true); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "line 4, member home-03") || k.writes != 2 {
		t.Errorf("%v, %d writes", err, k.writes)
	}
	k.refuses = ""
	if done, err := d.Import(t.Context(), l, true); err != nil || k.writes != 3 || done.Outcomes[0].What != members.Unchanged || done.Outcomes[2].What != members.IsNew {
		t.Errorf("%v, %d writes, %q", err, k.writes, told(done))
	}
	if done, err := d.Import(t.Context(), l, true); err != nil || k.writes != 3 {
		t.Errorf("the same list again: %v, %d writes, %q", err, k.writes, told(done))
	}
	other, err := members.Read([]byte("number,name,e-mail\nhome-01,Ann Miller,\n"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := d.Import(t.Context(), other, true)
	if want := []string{"home-01 changed [name e-mail] 2"}; err != nil || !slices.Equal(told(done), want) {
		t.Errorf("%v, %q, want %q", err, told(done), want)
	}
	ann := k.people["home-01"]
	if _, has := ann[chaincode.DetailEMail]; has || ann[chaincode.DetailName] != "Ann Miller" || ann[chaincode.DetailIBAN] == "" {
		t.Errorf("%q", ann)
	}
	if all, err := d.All(t.Context()); err != nil || len(all) != 3 || all[0].Number != "home-01" {
		t.Errorf("%v %+v", err, all)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(read(f))
	f.Add([]byte("number,name\n1,\"Ann\" Miller\n"))
	f.Add(workbook(f))
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := members.Read(file)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, r := range l.Rows {
			if r.Number() == "" || seen[r.Number()] || r.Details[chaincode.DetailName] == "" {
				t.Errorf("row %+v", r)
			}
			seen[r.Number()] = true
		}
	})
}
