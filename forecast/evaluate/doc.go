// Package evaluate tells how well the methods of package forecast do on series of the past.
//
// The protocol: a series is local days × slots. Every day of the test, the last days of the
// series, is forecast at its local midnight from the days before it and from the weather that the
// file declares; nothing else is known. Regressions are fitted anew every seven days to all days
// before. Two values of the hour that comes twice when the clock goes back are scored apart, by
// the forecast of the slot that they share; the hour that does not exist is not scored. Values
// that are missing are not scored.
//
// The measures of a series and method, over the values y of the test that the method forecast,
// with the median q50 (yesterday's value for snaive24, last week's for snaive168), the mean m and
// the quantiles q at .1 to .9:
//
//	mae      mean |y − q50|
//	rmse     √ mean (y − m)²
//	nmae     mae / mean |y|
//	mase     mae / mean |yₜ − yₜ₋₂₄ₕ| over the values before the test (Hyndman and Koehler 2006)
//	pinball  mean over values and quantiles of max(τ (y − q), (τ − 1)(y − q))
//	cov80    share of values within the quantiles .1 and .9; of a plant only of slots in which it
//	         had given more than a fiftieth of its peak before
//	rcrps    2 pinball / mean |y|
//	r_mae, r_rmse, r_pinball  the same against snaive24 on the same values, whose quantiles are
//	         yesterday's value plus those of the slot's last 56 differences between days
//
// The row best is what a home would have had that chooses its method every week by the pinball
// of the last 91 days, and changes only for one that is better by three in a hundred.
package evaluate
