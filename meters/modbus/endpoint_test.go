package modbus_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

func TestParseEndpoint(t *testing.T) {
	for text, want := range map[string]modbus.Endpoint{
		"192.0.2.7:1502":                        {Scheme: modbus.TCP, Address: "192.0.2.7:1502"},
		"inverter.local":                        {Scheme: modbus.TCP, Address: "inverter.local:502"},
		"tcp://[2001:db8::7]":                   {Scheme: modbus.TCP, Address: "[2001:db8::7]:502"},
		"rtuovertcp://192.0.2.7:4196":           {Scheme: modbus.RTUOverTCP, Address: "192.0.2.7:4196"},
		"rtu:///dev/ttyUSB0":                    {Scheme: modbus.RTU, Address: "/dev/ttyUSB0", Baud: 9600, Parity: "none", StopBits: 1},
		"rtu:///dev/ttyS1?baud=2400&parity=odd": {Scheme: modbus.RTU, Address: "/dev/ttyS1", Baud: 2400, Parity: "odd", StopBits: 1},
		"tls://meter?cert=c&key=k&ca=a":         {Scheme: modbus.TLS, Address: "meter:802", Cert: "c", Key: "k", CA: "a"},
	} {
		if got, err := modbus.ParseEndpoint(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                             "want tcp://HOST:PORT",
		"udp://x:1":                    "want tcp://HOST:PORT",
		"tcp://x:99999":                "want tcp://HOST:PORT",
		"tcp://x:1?baud=9600":          `tcp has no option "baud"`,
		"rtu://ttyUSB0":                "want rtu:///dev/ttyUSB0",
		"rtu:///dev/ttyUSB0?baud=fast": `baud: "fast"`,
		"rtu:///dev/ttyUSB0?parity=no": "one of none, even, odd",
		"tls://meter":                  "cert=FILE",
	} {
		if got, err := modbus.ParseEndpoint(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want an error with %q", text, got, err, want)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	f.Add("rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1")
	f.Add("tcp://[::1]:502")
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := modbus.ParseEndpoint(s); err == nil && e.Address == "" {
			t.Errorf("%q: an endpoint without an address", s)
		}
	})
}
