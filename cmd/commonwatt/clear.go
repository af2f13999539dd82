package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/network"
	"github.com/commonwatt/commonwatt/usage"
)

// auctionCase is the input of clear.
type auctionCase struct {
	Interval        grid.Interval `json:"interval" required:""`
	Mechanism       string        `json:"mechanism"`
	K               *json.Number  `json:"k"`
	Feeder          *grid.Feeder  `json:"feeder"`
	Utility         *utilityInput `json:"utility"`
	Orders          []orderInput  `json:"orders" required:""`
	Seed            uint64        `json:"seed"` // of mechanisms that draw lots
	ValueOfLostLoad *grid.Price   `json:"value_of_lost_load"`
}

type utilityInput struct {
	Retail grid.Price   `json:"retail" required:""`
	FeedIn grid.Price   `json:"feed_in" required:""`
	Limit  *grid.Energy `json:"limit"`
}

type orderInput struct {
	ID       string      `json:"id" required:""`
	Member   string      `json:"member" required:""`
	Side     grid.Side   `json:"side" required:""`
	Energy   grid.Energy `json:"energy" required:""`
	Price    grid.Price  `json:"price" required:""`
	Node     string      `json:"node"`
	Source   string      `json:"source"`
	Critical bool        `json:"critical"`
	Prefers  []string    `json:"prefers"`
	Requires *struct {
		Source []string `json:"source" required:""`
	} `json:"requires"`
}

const uniform = "uniform"

func mechanisms() []string {
	return append([]string{uniform}, slices.Sorted(maps.Keys(auction.Mechanisms()))...)
}

func clearCommand() *cobra.Command {
	var mechanism string
	c := &cobra.Command{
		Use:   "clear FILE|-",
		Short: "Clear one auction from JSON",
		Long: `Clear one call auction. Reads JSON from FILE or standard input and writes the
result as JSON. The mechanism uniform is exact on a feeder: the welfare is the
largest that limits, fees and the utility allow. The others, pay-as-bid, vickrey,
mcafee, huang, muda and midpoint, want a feeder without limits and fees. Energies
are Wh of the interval, prices millionths of the currency unit per kWh:

  {"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "mechanism": "uniform",
   "k": 0.5,                            position of the price between the supporting ones
   "feeder": {"nodes": [{"id": "root"}, {"id": "street", "parent": "root",
              "export_limit": 2500, "import_limit": 2500, "fee": 20000}]},
   "utility": {"retail": 300000, "feed_in": 60000, "limit": 1000000},
   "orders": [{"id": "b1", "member": "ann", "side": "bid", "energy": 1200, "price": 280000, "node": "street"},
              {"id": "o1", "member": "bob", "side": "offer", "energy": 900, "price": 90000}]}

k, feeder (one node), utility (islanded), node (the root) may be left out; an
order may have source, prefers ["member", …], requires {"source": […]} and
critical (true: islanded, it is worth value_of_lost_load); muda draws lots from
seed. Where requires bind, each source has its own price; with limits or fees
that case is refused. A limit that is absent does not bind.

In pay-as-bid each pair trades at the price at k between its two limits, but not
worse than at the utility while that has energy left; vickrey's payments can give
an order several prices; prefers breaks ties.

In the result welfare is in Wh × millionths/kWh (a thousandth of the unit of
money), grid_fees, rent and budget_surplus in millionths of the currency unit;
flow is + to the parent. Prices of nodes where nothing trades lie between the
orders that are there, null without any.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return usage.Mark(err)
			}
			input, err := parseCase(b, mechanism)
			if err != nil {
				return usage.Errorf("%s: %w", args[0], err)
			}
			result, err := clearAuction(input)
			if err != nil {
				return usage.Errorf("%s: %w", args[0], err)
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(result)
		},
	}
	c.Flags().StringVar(&mechanism, "mechanism", "", "mechanism instead of the file's")
	return c
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // the path is the user's
}

func parseCase(b []byte, mechanism string) (auctionCase, error) {
	var c auctionCase
	if err := decodeStrict(b, &c); err != nil {
		return c, err
	}
	if mechanism != "" {
		c.Mechanism = mechanism
	}
	if known := mechanisms(); !slices.Contains(known, c.Mechanism) {
		return c, fmt.Errorf("mechanism: %q: must be one of %s", c.Mechanism, strings.Join(known, ", "))
	}
	for i, o := range c.Orders {
		if strings.ContainsRune(o.ID+o.Member+o.Source, 0) {
			return c, fmt.Errorf("orders[%d]: a name has a character that is not text", i)
		}
		if o.Critical && o.Side != grid.Bid {
			return c, fmt.Errorf("orders[%d].critical: only a bid can be critical", i)
		}
		if o.Requires != nil && o.Side != grid.Bid {
			return c, fmt.Errorf("orders[%d].requires: only a bid can require a source", i)
		}
	}
	return c, nil
}

// k reads the position of the price exactly, in billionths.
func (c auctionCase) k() (int64, error) {
	if c.K == nil {
		return network.Half, nil
	}
	r, ok := new(big.Rat).SetString(c.K.String())
	if !ok {
		return 0, fmt.Errorf("k: %q is not a number", c.K)
	}
	r.Mul(r, big.NewRat(network.One, 1))
	if !r.IsInt() || !r.Num().IsInt64() || r.Num().Int64() < 0 || r.Num().Int64() > network.One {
		return 0, fmt.Errorf("k: %s: must be from 0 to 1 with at most nine decimals", c.K)
	}
	return r.Num().Int64(), nil
}

// unlimitedUtility stands for a utility without a limit.
const unlimitedUtility = grid.Energy(1 << 40)

func (c auctionCase) network() (network.Case, error) {
	n := network.Case{Feeder: grid.SingleNode()}
	if c.Feeder != nil {
		n.Feeder = *c.Feeder
	}
	if c.Utility != nil {
		n.Utility = &auction.Utility{Retail: c.Utility.Retail, FeedIn: c.Utility.FeedIn, Limit: unlimitedUtility}
		if c.Utility.Limit != nil {
			n.Utility.Limit = *c.Utility.Limit
		}
	}
	for _, o := range c.Orders {
		order := grid.Order{ID: o.ID, Member: o.Member, Side: o.Side, Energy: o.Energy, Price: o.Price, Node: o.Node, Source: o.Source}
		// Islanded, critical load is worth what losing it costs, so it is first.
		if o.Critical && c.Utility == nil && c.ValueOfLostLoad != nil {
			order.Price = max(order.Price, *c.ValueOfLostLoad)
		}
		n.Orders = append(n.Orders, order)
	}
	var err error
	n.K, err = c.k()
	return n, err
}

// fits tells whether a bid of one member may be served by an offer of another.
func (c auctionCase) fits() func(bid, offer grid.Order) bool {
	allows := c.allows()
	return func(bid, offer grid.Order) bool { return bid.Member != offer.Member && allows(bid, offer.Source) }
}

// allows tells whether a bid may be served by a source.
func (c auctionCase) allows() func(bid grid.Order, source string) bool {
	required := map[string][]string{}
	for _, o := range c.Orders {
		if o.Requires != nil {
			required[o.ID] = o.Requires.Source
		}
	}
	return func(bid grid.Order, source string) bool {
		sources, some := required[bid.ID]
		return !some || slices.Contains(sources, source)
	}
}

// prefers tells whether a bid would rather be served by an offer than by others;
// nil when no bid has preferences.
func (c auctionCase) prefers() func(bid, offer grid.Order) bool {
	if !slices.ContainsFunc(c.Orders, func(o orderInput) bool { return len(o.Prefers) > 0 }) {
		return nil
	}
	preferred := map[string][]string{}
	for _, o := range c.Orders {
		preferred[o.ID] = o.Prefers
	}
	return func(bid, offer grid.Order) bool { return slices.Contains(preferred[bid.ID], offer.Member) }
}

// requires tells which bids require a source.
func (c auctionCase) requires() func(bid grid.Order) bool {
	some := map[string]bool{}
	for _, o := range c.Orders {
		some[o.ID] = o.Requires != nil
	}
	return func(bid grid.Order) bool { return some[bid.ID] }
}
