package clearing

// Help tells a person how a case is written and how its result is read.
const Help = `Clear one call auction. Reads JSON from FILE or standard input and writes the
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
orders that are there, null without any. own has what orders lost because its best
use was their own member's, at another node: nobody trades with itself.`
