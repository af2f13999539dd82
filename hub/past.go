package hub

import (
	"context"
	"errors"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/history"
	"github.com/commonwatt/commonwatt/members/consent"
	"github.com/commonwatt/commonwatt/notices"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/tariff"
)

// own is what homeowners are shown of their own homes, and what they decide there.
type own struct {
	past     *history.Keeper
	consents *consent.Kept
	telling  *telling
}

// openPast opens the past of the homes, which follows the book of statements.
func openPast(ctx context.Context, dir *disk.Dir, at *market, m *money) (*history.Keeper, error) {
	plan := at.site.plan
	k, err := history.Open(ctx, dir.File(history.File), history.Options{
		Community: plan.Community, Currency: plan.Tariff.Currency, Digits: tariff.MinorDigits(plan.Tariff.Currency), Zone: zoneOf(plan), Minutes: plan.Market.Minutes,
		Book: m.book, Telemetry: at.records.store, Tariffs: billing.OnBook{Book: at.tariffs.Book, Minutes: plan.Market.Minutes},
		Devices: at.devices, Clock: at.site.clock, Log: at.log,
	})
	if err == nil {
		m.follower.Added = k.Added
	}
	return k, err
}

// devices returns the devices of all homes, those that were paired since the start too.
func (m *market) devices() (all []grid.Device) {
	for _, member := range m.traders.Members() {
		all = append(all, m.traders.Devices(member)...)
	}
	return all
}

// ForgetOwn forgets in a data directory what a member who is erased decided and was told.
func ForgetOwn(ctx context.Context, dir *disk.Dir, member string) error {
	consents, err := consent.Open(dir)
	if err != nil {
		return err
	}
	book, err := notices.Open(ctx, dir.File(notices.File))
	if err != nil {
		return err
	}
	return errors.Join(consents.Forget(member), book.Forget(ctx, member), book.Close())
}
