package billing

import (
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// OnBook says what energy costs by a community's book of tariffs. It implements Tariffs.
type OnBook struct {
	Book    func() *tariff.Book // as it is now
	Minutes int                 // of a delivery interval
}

// Parts implements Tariffs.
func (o OnBook) Parts(point string, i grid.Interval) ([]Part, error) {
	all, err := o.Book().Parts(point, i)
	return partsOf(all), err
}

func partsOf(all []tariff.Priced) []Part {
	parts := make([]Part, len(all))
	for k, p := range all {
		parts[k] = Part{Name: p.Component, Kind: string(p.Kind), Export: p.Export, Price: p.Price, Community: p.Community, VAT: int64(p.VAT), Gross: p.Gross}
	}
	return parts
}

// Standing implements Tariffs.
func (o OnBook) Standing(point, from, to string) ([]Fixed, error) {
	first, end, err := dates(from, to)
	if err != nil {
		return nil, err
	}
	all, err := o.Book().Standing(point, first, end, o.Minutes)
	return fixedOf(all), err
}

func dates(from, to string) (first, end tariff.Date, err error) {
	if first, err = tariff.ParseDate(from); err == nil {
		end, err = tariff.ParseDate(to)
	}
	return first, end, err
}

func fixedOf(all []tariff.Standing) []Fixed {
	fixed := make([]Fixed, len(all))
	for k, s := range all {
		fixed[k] = Fixed{
			Component: s.Component, Version: s.Version, From: s.From.String(), To: s.To.String(), Days: s.Days, Amount: s.Amount, VAT: int64(s.VAT), Gross: s.Gross,
		}
	}
	return fixed
}

// Others implements Tariffs: the tariffs of components that were valid when the period began.
func (o OnBook) Others(p Period) (all []Other, err error) {
	book := o.Book()
	for _, s := range book.Schedules() {
		if len(s.Versions) > 0 && s.Versions[0].ValidFrom.Compare(tariff.DateOf(p.From, book.Zone())) <= 0 {
			all = append(all, schedule{s, tariff.Where{Zone: book.Zone()}})
		}
	}
	return all, nil
}

// schedule is a tariff of components. It implements Other.
type schedule struct {
	of    tariff.Schedule
	where tariff.Where
}

// Name implements Other.
func (s schedule) Name() string { return s.of.Name }

// Parts implements Other.
func (s schedule) Parts(i grid.Interval) ([]Part, error) {
	all, err := s.of.Parts(i, s.where)
	return partsOf(all), err
}

// Standing implements Other.
func (s schedule) Standing(from, to string) ([]Fixed, error) {
	first, end, err := dates(from, to)
	if err != nil {
		return nil, err
	}
	all, err := s.of.Standing(first, end)
	return fixedOf(all), err
}
