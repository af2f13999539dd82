package modbus_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

// TestSerialLine reads over a pseudo terminal, as over a serial port: correct
// answers, one that comes too late, then correct ones again.
func TestSerialLine(t *testing.T) {
	bus, path := terminal(t)
	h := &hostile{rtu: true, r: rand.New(rand.NewPCG(1, 1)), count: map[string]int{}, queue: make(chan sending, 10)}
	h.values = func(unit uint8, _ byte, addr, _ uint16) uint16 { return uint16(unit)<<8 | addr }
	late := make(chan time.Duration, 1)
	go func() {
		request := make([]byte, 8)
		for have := 0; ; {
			n, err := bus.Read(request[have:])
			if errors.Is(err, unix.EIO) { // nobody has the other end open
				have = 0
				time.Sleep(time.Millisecond) // a terminal does not tell when somebody opens it
				continue
			}
			if err != nil {
				return
			}
			if have += n; have < len(request) {
				continue
			}
			have = 0
			h.faults = []string{"none"}
			h.ask()
			h.answer(nil, request)
			select {
			case d := <-late:
				time.Sleep(d) // the device is slow, by the clock that the timeout goes by
			default:
			}
			_, _ = bus.Write((<-h.queue).frame)
		}
	}()
	e, err := modbus.ParseEndpoint("rtu://" + path + "?baud=19200&parity=even&stop=1")
	if err != nil {
		t.Fatal(err)
	}
	conn := modbus.Open(e, modbus.Options{Timeout: 100 * time.Millisecond})
	defer conn.Close()
	read := func(addr uint16) ([]uint16, error) { return conn.Read(t.Context(), 7, modbus.Holding, addr, 3) }
	want := func(addr uint16) []uint16 { return []uint16{0x700 | addr, 0x701 | addr, 0x702 | addr} }
	if got, err := read(16); err != nil || !reflect.DeepEqual(got, want(16)) {
		t.Fatalf("%x, %v", got, err)
	}
	late <- 150 * time.Millisecond
	if got, err := read(32); err == nil {
		t.Fatalf("an answer that came too late was taken: %x", got)
	}
	good := 0
	for n := range uint16(6) {
		got, err := read(64 + 16*n)
		if err != nil {
			t.Logf("read after the late answer: %v", err)
			continue
		}
		good++
		if !reflect.DeepEqual(got, want(64+16*n)) {
			t.Errorf("after a late answer: %x, want %x", got, want(64+16*n))
		}
	}
	if good < 4 {
		t.Errorf("only %d of 6 reads succeeded after the late answer", good)
	}
}

// terminal returns the device's end of a pseudo terminal, and the path of the
// reader's.
func terminal(t *testing.T) (*os.File, string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var failed error
	if err := raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return master, fmt.Sprintf("/dev/pts/%d", number)
}
