package agent

import (
	"cmp"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/agent/plan"
)

// spoken says what a plan says of devices as people call them: the only one of its kind has no
// other name.
func spoken(text string, devices []plan.Device) string {
	called := map[plan.Kind]string{plan.Stationary: "The battery", plan.Vehicle: "The car", plan.Warmth: "The heating", plan.Waiting: "The appliance"}
	of := map[plan.Kind]int{}
	for k, d := range devices {
		if !slices.ContainsFunc(devices[:k], func(other plan.Device) bool { return other.ID == d.ID }) { // once, however often it runs
			of[d.Kind]++
		}
	}
	longest := slices.Clone(devices) // first: an id may begin as another one does
	slices.SortStableFunc(longest, func(a, b plan.Device) int { return cmp.Compare(len(b.ID), len(a.ID)) })
	var words []string
	for _, d := range longest {
		word := called[d.Kind]
		if of[d.Kind] > 1 {
			word += " " + d.ID
		}
		words = append(words, d.ID, word)
	}
	return strings.NewReplacer(words...).Replace(text)
}
