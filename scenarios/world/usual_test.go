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
// at every quarter of an hour of a day and a half, with some batteries and cars told what to do.
func TestTheUsualStreetStaysAsItIs(t *testing.T) {
	t.Parallel()
	for seed, want := range map[uint64]string{
		1: "01437cec899ee3c1ddfb158e960304c7b529f659117859dc38ddd77b082adffb",
		2: "35f822091ccc9c95cc1f095c835a0a069326d70b248154af95e1991ef48f8847",
		3: "8b5286e78ec0be7e9cf9ea338d07d250f6b3f795cd08376496c4c52e3bd9842f",
	} {
		spec := world.Spec{Seed: seed, Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, seed)}
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
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("seed %d: the states have the digest %s, want %s", seed, got, want)
		}
	}
}
