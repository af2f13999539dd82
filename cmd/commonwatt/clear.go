package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
)

// auctionCase is the input of clear.
type auctionCase struct {
	Interval        grid.Interval   `json:"interval"`
	Mechanism       string          `json:"mechanism"`
	K               *json.Number    `json:"k"`
	Feeder          *grid.Feeder    `json:"feeder"`
	Utility         *utilityInput   `json:"utility"`
	Orders          []orderInput    `json:"orders"`
	Seed            json.RawMessage `json:"seed"` // of mechanisms that draw lots; uniform draws none
	ValueOfLostLoad *grid.Price     `json:"value_of_lost_load"`
}

type utilityInput struct {
	Retail grid.Price   `json:"retail"`
	FeedIn grid.Price   `json:"feed_in"`
	Limit  *grid.Energy `json:"limit"`
}

type orderInput struct {
	ID       string      `json:"id"`
	Member   string      `json:"member"`
	Side     grid.Side   `json:"side"`
	Energy   grid.Energy `json:"energy"`
	Price    grid.Price  `json:"price"`
	Node     string      `json:"node"`
	Source   string      `json:"source"`
	Critical bool        `json:"critical"`
	Prefers  []string    `json:"prefers"`
	Requires *struct {
		Source []string `json:"source"`
	} `json:"requires"`
}

// auctionResult is the output of clear.
type auctionResult struct {
	Mechanism      string       `json:"mechanism"`
	Welfare        *big.Int     `json:"welfare"`
	Volume         grid.Energy  `json:"volume"`
	ClearingPrice  *grid.Price  `json:"clearing_price"`
	NodePrices     []nodePrice  `json:"node_prices"`
	Fills          []fill       `json:"fills"`
	Trades         []pairResult `json:"trades"`
	Utility        utilityFlow  `json:"utility"`
	Lines          []lineResult `json:"lines"`
	GridFees       grid.Money   `json:"grid_fees"`
	CongestionRent grid.Money   `json:"congestion_rent"`
	BudgetSurplus  grid.Money   `json:"budget_surplus"`
}

type nodePrice struct {
	Node  string      `json:"node"`
	Price *grid.Price `json:"price"`
}

type fill struct {
	Order  string      `json:"order"`
	Energy grid.Energy `json:"energy"`
	Price  grid.Price  `json:"price"`
}

type pairResult struct {
	Bid        string      `json:"bid"`
	Offer      string      `json:"offer"`
	Energy     grid.Energy `json:"energy"`
	BidPrice   grid.Price  `json:"bid_price"`
	OfferPrice grid.Price  `json:"offer_price"`
}

type utilityFlow struct {
	Import grid.Energy `json:"import"`
	Export grid.Energy `json:"export"`
}

type lineResult struct {
	Node      string      `json:"node"`
	Flow      grid.Energy `json:"flow"`
	Congested bool        `json:"congested"`
	Rent      grid.Money  `json:"rent"`
}

const uniform = "uniform"

func clearCommand() *cobra.Command {
	var mechanism string
	c := &cobra.Command{
		Use:   "clear FILE|-",
		Short: "Clear one auction from JSON",
		Long: `Clear one call auction on a feeder, exactly: the welfare is the largest that
limits, fees and the utility allow. Reads JSON from FILE or standard input and
writes the result as JSON. This version has the mechanism uniform. Energies are
Wh of the interval, prices millionths of the currency unit per kWh:

  {"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "mechanism": "uniform",
   "k": 0.5,                            position of the price between the supporting ones
   "feeder": {"nodes": [{"id": "root"}, {"id": "street", "parent": "root",
              "export_limit": 2500, "import_limit": 2500, "fee": 20000}]},
   "utility": {"retail": 300000, "feed_in": 60000, "limit": 1000000},
   "orders": [{"id": "b1", "member": "ann", "side": "bid", "energy": 1200, "price": 280000, "node": "street"},
              {"id": "o1", "member": "bob", "side": "offer", "energy": 900, "price": 90000}]}

k, feeder (one node), utility (islanded), node (the root) may be left out; an
order may have source, prefers, requires {"source": […]} and critical.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return &usageError{err}
			}
			input, err := parseCase(b, mechanism)
			if err != nil {
				return usage("%s: %w", args[0], err)
			}
			result, err := clearAuction(input)
			if err != nil {
				return usage("%s: %w", args[0], err)
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
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var c auctionCase
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("byte %d: %w", dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return c, errors.New("more than one JSON value")
	}
	if mechanism != "" {
		c.Mechanism = mechanism
	}
	if c.Mechanism != uniform {
		return c, fmt.Errorf("mechanism: %q: this version has %s", c.Mechanism, uniform)
	}
	if c.Interval == (grid.Interval{}) {
		return c, errors.New("interval: missing")
	}
	for i, o := range c.Orders {
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
		n.Utility = &network.Utility{Retail: c.Utility.Retail, FeedIn: c.Utility.FeedIn, Limit: unlimitedUtility}
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

func clearAuction(c auctionCase) (auctionResult, error) {
	n, err := c.network()
	if err != nil {
		return auctionResult{}, err
	}
	clearing, err := network.Clear(n)
	if err != nil {
		return auctionResult{}, err
	}
	r := auctionResult{
		Mechanism: c.Mechanism, Welfare: new(big.Int), Fills: []fill{}, Trades: []pairResult{}, Lines: []lineResult{},
		Utility: utilityFlow{Import: clearing.Import, Export: clearing.Export},
	}
	root := n.Feeder.Root()
	prices := map[string]grid.Price{} // by order
	surplus := new(big.Int)           // what is collected and not paid out, price × energy
	r.addOrders(n, clearing, root, prices, surplus)
	if err := r.addLines(n, clearing, surplus); err != nil {
		return auctionResult{}, err
	}
	if u := n.Utility; u != nil && clearing.Prices[root] != nil {
		addProduct(r.Welfare, -u.Retail, clearing.Import)
		addProduct(r.Welfare, u.FeedIn, clearing.Export)
		addProduct(surplus, *clearing.Prices[root], clearing.Export-clearing.Import)
	}
	r.BudgetSurplus = rounded(surplus)
	return r, r.addTrades(c, n, clearing, prices)
}

func (r *auctionResult) addOrders(n network.Case, clearing network.Clearing, root string, prices map[string]grid.Price, surplus *big.Int) {
	var bought, sold grid.Energy
	for _, o := range n.Orders {
		energy := clearing.Fills[o.ID]
		if energy == 0 {
			continue
		}
		price := *clearing.Prices[cmp.Or(o.Node, root)]
		prices[o.ID] = price
		r.Fills = append(r.Fills, fill{o.ID, energy, price})
		if o.Side == grid.Bid {
			bought += energy
			addProduct(r.Welfare, o.Price, energy)
			addProduct(surplus, price, energy)
		} else {
			sold += energy
			addProduct(r.Welfare, o.Price, -energy)
			addProduct(surplus, price, -energy)
		}
	}
	r.Volume = min(bought, sold)
	slices.SortFunc(r.Fills, func(a, b fill) int { return strings.Compare(a.Order, b.Order) })
	for _, node := range n.Feeder.Nodes {
		r.NodePrices = append(r.NodePrices, nodePrice{node.ID, clearing.Prices[node.ID]})
	}
	slices.SortFunc(r.NodePrices, func(a, b nodePrice) int { return strings.Compare(a.Node, b.Node) })
	if len(r.Fills) > 0 {
		r.ClearingPrice = clearing.Prices[root]
	}
}

func (r *auctionResult) addLines(n network.Case, clearing network.Clearing, surplus *big.Int) error {
	for _, node := range n.Feeder.Nodes {
		if node.Parent == "" {
			continue
		}
		line := lineResult{Node: node.ID, Flow: clearing.Flows[node.ID]}
		over := max(line.Flow, -line.Flow)
		line.Congested = node.ExportLimit != nil && line.Flow == *node.ExportLimit || node.ImportLimit != nil && line.Flow == -*node.ImportLimit
		var gain grid.Price
		if over > 0 {
			gain = *clearing.Prices[node.Parent] - *clearing.Prices[node.ID]
			if line.Flow < 0 {
				gain = -gain
			}
			gain -= node.Fee
		}
		fee, err := node.Fee.Cost(over)
		if err != nil {
			return err
		}
		if line.Rent, err = gain.Cost(over); err != nil {
			return err
		}
		addProduct(r.Welfare, -node.Fee, over)
		addProduct(surplus, -node.Fee-gain, over)
		r.GridFees += fee
		r.CongestionRent += line.Rent
		r.Lines = append(r.Lines, line)
	}
	slices.SortFunc(r.Lines, func(a, b lineResult) int { return strings.Compare(a.Node, b.Node) })
	return nil
}

func addProduct(sum *big.Int, p grid.Price, e grid.Energy) {
	sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e))))
}

// rounded turns price × energy into money, half away from zero.
func rounded(sum *big.Int) grid.Money {
	const wh = 1000
	half := new(big.Int).Add(new(big.Int).Abs(sum), big.NewInt(wh/2))
	m := half.Quo(half, big.NewInt(wh)).Int64()
	if sum.Sign() < 0 {
		return -grid.Money(m)
	}
	return grid.Money(m)
}

// addTrades pairs the fills: preferred partners where that leaves nobody
// without a pair, and a required source always.
func (r *auctionResult) addTrades(c auctionCase, n network.Case, clearing network.Clearing, prices map[string]grid.Price) error {
	byID := map[string]orderInput{}
	for _, o := range c.Orders {
		byID[o.ID] = o
	}
	fits := func(bid, offer grid.Order) bool {
		requires := byID[bid.ID].Requires
		return bid.Member != offer.Member && (requires == nil || slices.Contains(requires.Source, offer.Source))
	}
	preferred := func(bid, offer grid.Order) bool {
		return fits(bid, offer) && slices.Contains(byID[bid.ID].Prefers, offer.Member)
	}
	paired := map[string]grid.Energy{}
	pairs := map[[2]string]grid.Energy{}
	for _, fit := range []func(bid, offer grid.Order) bool{
		preferred,
		func(bid, offer grid.Order) bool { return byID[bid.ID].Requires != nil && fits(bid, offer) },
		fits,
	} {
		left := map[string]grid.Energy{}
		for id, energy := range clearing.Fills {
			left[id] = energy - paired[id]
		}
		for _, p := range network.Pairs(n.Orders, left, fit) {
			pairs[[2]string{p.Bid, p.Offer}] += p.Energy
			paired[p.Bid] += p.Energy
			paired[p.Offer] += p.Energy
		}
	}
	for i, o := range c.Orders {
		if o.Requires != nil && paired[o.ID] < clearing.Fills[o.ID] {
			return fmt.Errorf("orders[%d].requires: binds: the optimum without it fills %d Wh, of which the sources %v cover %d; this version clears only requirements that do not bind",
				i, clearing.Fills[o.ID], o.Requires.Source, paired[o.ID])
		}
	}
	for ids, energy := range pairs {
		r.Trades = append(r.Trades, pairResult{ids[0], ids[1], energy, prices[ids[0]], prices[ids[1]]})
	}
	slices.SortFunc(r.Trades, func(a, b pairResult) int {
		return cmp.Or(strings.Compare(a.Bid, b.Bid), strings.Compare(a.Offer, b.Offer))
	})
	return nil
}
