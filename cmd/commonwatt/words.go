package main

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// number says how many there are of a thing: 1 home, 2 homes.
func number[N int | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// money is millionths of the currency unit as people write them.
func money(m grid.Money) string {
	const unit = 1_000_000
	return fmt.Sprintf("%d.%06d", m/unit, m%unit)
}
