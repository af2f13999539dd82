package world

// OneWay is the efficiency of charging a battery, and that of discharging it.
const OneWay = oneWay
