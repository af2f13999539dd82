package modbus_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

// device answers register A with the value A; registers from 1000 on do not
// exist.
type device struct {
	mu      sync.Mutex
	written map[uint16]uint16
}

func (d *device) Registers(_ modbus.Table, addr, n uint16) ([]uint16, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	words := make([]uint16, n)
	for i := range words {
		a := addr + uint16(i)
		if a >= 1000 {
			return nil, &modbus.ExceptionError{Code: modbus.IllegalAddress}
		}
		words[i] = a
		if w, ok := d.written[a]; ok {
			words[i] = w
		}
	}
	return words, nil
}

func (d *device) SetRegisters(addr uint16, words []uint16) error {
	if addr >= 1000 {
		return &modbus.ExceptionError{Code: modbus.IllegalAddress}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, w := range words {
		d.written[addr+uint16(i)] = w
	}
	return nil
}

func serve(t *testing.T) *modbus.Server {
	t.Helper()
	s, err := modbus.Serve("127.0.0.1:0", 0, map[uint8]modbus.Device{1: &device{written: map[uint16]uint16{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func open(t *testing.T, address string) *modbus.Conn {
	t.Helper()
	c := modbus.Open(endpoint(t, address), modbus.Options{Timeout: time.Second})
	t.Cleanup(c.Close)
	return c
}

func endpoint(t *testing.T, target string) modbus.Endpoint {
	t.Helper()
	e, err := modbus.ParseEndpoint(target)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReadAndWrite(t *testing.T) {
	c := open(t, serve(t).Address())
	if err := c.Write(t.Context(), 1, 20, []uint16{7, 8}); err != nil {
		t.Fatal(err)
	}
	words, err := c.Read(t.Context(), 1, modbus.Holding, 19, 4)
	if err != nil || !reflect.DeepEqual(words, []uint16{19, 7, 8, 22}) {
		t.Errorf("words %v, %v", words, err)
	}
}

func TestAnExceptionKeepsTheConnection(t *testing.T) {
	c := open(t, serve(t).Address())
	var refused *modbus.ExceptionError
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1000, 1); !errors.As(err, &refused) {
		t.Errorf("error %v, want the device's refusal", err)
	}
	if _, err := c.Read(t.Context(), 9, modbus.Holding, 1, 1); !errors.As(err, &refused) {
		t.Errorf("unit 9: error %v, want a refusal", err)
	}
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1, 1); err != nil {
		t.Error(err)
	}
}

// TestReconnect stops the server between two reads: the first read after it
// fails, and reading works as soon as the server is back.
func TestReconnect(t *testing.T) {
	s := serve(t)
	c := open(t, s.Address())
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if words, err := c.Read(t.Context(), 1, modbus.Holding, 1, 1); err == nil {
		t.Fatalf("a stopped server answered %v", words)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	words, err := c.Read(t.Context(), 1, modbus.Holding, 5, 1)
	if err != nil || words[0] != 5 {
		t.Errorf("after the server came back: %v, %v", words, err)
	}
}

// TestManyCallersGetTheirOwnAnswers shares a connection among goroutines.
func TestManyCallersGetTheirOwnAnswers(t *testing.T) {
	c := open(t, serve(t).Address())
	var callers sync.WaitGroup
	for caller := range uint16(16) {
		callers.Go(func() {
			for n := range uint16(50) {
				addr := caller*50 + n
				words, err := c.Read(t.Context(), 1, modbus.Holding, addr, 1)
				if err != nil || words[0] != addr {
					t.Errorf("register %d: %v, %v", addr, words, err)
				}
			}
		})
	}
	callers.Wait()
}

func TestClosedConnection(t *testing.T) {
	c := modbus.Open(endpoint(t, "127.0.0.1:1"), modbus.Options{Timeout: time.Second})
	c.Close()
	if _, err := c.Read(t.Context(), 1, modbus.Holding, 1, 1); !errors.Is(err, modbus.ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestPlan(t *testing.T) {
	h := func(addr, count uint16) modbus.Range {
		return modbus.Range{Table: modbus.Holding, Addr: addr, Count: count}
	}
	got := modbus.Plan([]modbus.Range{h(100, 2), h(10, 1), h(12, 2), h(60, 1), h(160, 10), h(200, 2), h(204, 1), h(300, 4)},
		modbus.Limits{MaxRegs: 50, MaxHole: 10, Forbidden: []modbus.Range{h(202, 1), h(303, 5)}})
	want := []modbus.Range{h(10, 4), h(60, 1), h(100, 2), h(160, 10), h(200, 2), h(204, 1)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("plan %v, want %v", got, want)
	}
}

// TestPlanCoversAtRandom checks the promises of Plan on random ranges.
func TestPlanCoversAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for range 2000 {
		const most, hole = 40, 7
		wanted := make([]modbus.Range, 1+r.IntN(20))
		for i := range wanted {
			wanted[i] = modbus.Range{Table: modbus.Holding, Addr: uint16(r.IntN(500)), Count: uint16(1 + r.IntN(most))}
			if r.IntN(4) == 0 {
				wanted[i].Table = modbus.Input
			}
		}
		plan := modbus.Plan(wanted, modbus.Limits{MaxRegs: most, MaxHole: hole})
		for _, p := range plan {
			if p.Count > most {
				t.Fatalf("read %+v is longer than %d", p, most)
			}
		}
		for _, w := range wanted {
			covered := false
			for _, p := range plan {
				covered = covered || p.Table == w.Table && p.Addr <= w.Addr && p.Addr+p.Count >= w.Addr+w.Count
			}
			if !covered {
				t.Fatalf("%+v is not within one read of %v", w, plan)
			}
		}
	}
}

// sunspec is a device with a chain of two models at base 50000.
type sunspec struct{ device }

func (*sunspec) Registers(_ modbus.Table, addr, n uint16) ([]uint16, error) {
	words := []uint16{0x5375, 0x6e53, 1, 3, 0, 0, 0, 203, 1, 9, 0xffff, 0}
	from := int(addr) - 50000
	if from < 0 || from+int(n) > len(words) {
		return nil, &modbus.ExceptionError{Code: modbus.IllegalAddress}
	}
	return words[from : from+int(n)], nil
}

func TestWalkSunSpec(t *testing.T) {
	s, err := modbus.Serve("127.0.0.1:0", 0, map[uint8]modbus.Device{1: &sunspec{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	got, err := modbus.WalkSunSpec(t.Context(), open(t, s.Address()), 1)
	want := []modbus.Model{{ID: 1, Addr: 50002, Length: 3}, {ID: 203, Addr: 50007, Length: 1}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("models %v, %v, want %v", got, err, want)
	}
	if _, err := modbus.WalkSunSpec(t.Context(), open(t, serve(t).Address()), 1); !errors.Is(err, modbus.ErrNoSunSpec) {
		t.Errorf("error %v, want ErrNoSunSpec", err)
	}
}
