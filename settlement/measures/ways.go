package measures

import (
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// ByDynamicKey are the rules that a market is held against: in each interval what all gave goes to
// all who took, in proportion to what they took, at the middle between what it saves and what the
// utility pays for it. Nothing is traded and there is no pool.
func ByDynamicKey() settlement.Rules {
	rules := settlement.DefaultRules()
	rules.Pool = settlement.Off
	rules.Key = &settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}
	return rules
}
