package world_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestTheUsualStreetStaysAsItIs holds the physics of the usual twelve homes to the bytes that they
// had before the world knew of trips, heat and weekdays: data directories that were begun then go
// on, and what was measured on them stays true. The digests are of the states, as they are saved,
// at every quarter of an hour of a day and a half, with some batteries and cars told what to do; a Friday and a Saturday beside Mondays.
func TestTheUsualStreetStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seed uint64
		day  int // of June: a Monday and a Friday
		want string
	}{
		{1, 1, "01437cec899ee3c1ddfb158e960304c7b529f659117859dc38ddd77b082adffb"},
		{2, 1, "35f822091ccc9c95cc1f095c835a0a069326d70b248154af95e1991ef48f8847"},
		{1, 5, "4268e2a67c959403647325d2d011d9bee4f4e9e95968612f88beb987765fba6c"},
		{3, 1, "8b5286e78ec0be7e9cf9ea338d07d250f6b3f795cd08376496c4c52e3bd9842f"},
	} {
		spec := world.Spec{Seed: c.seed, Start: time.Date(2026, 6, c.day, 0, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, c.seed)}
		sum := sha256.New()
		if err := json.NewEncoder(sum).Encode(spec); err != nil {
			t.Fatal(err)
		}
		w := world.New(spec)
		for quarter := range 36 * 4 {
			now := w.Now()
			w.SetBattery(quarter%12, &world.Setpoint{Power: 900, Until: now.Unix() + 600})
			w.LimitCar((quarter+5)%12, &world.Setpoint{Power: 4000, Until: now.Unix() + 1200})
			w.Advance(now.Add(15 * time.Minute))
			if err := json.NewEncoder(sum).Encode(w.State()); err != nil {
				t.Fatal(err)
			}
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != c.want {
			t.Errorf("seed %d, %d June: the states have the digest %s, want %s", c.seed, c.day, got, c.want)
		}
	}
}
