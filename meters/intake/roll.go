package intake

import (
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
)

// roll says which devices there are, and who was heard when. It is safe for concurrent use.
type roll struct {
	mu     sync.Mutex // guards what follows
	device map[string]grid.Device
	silent map[string]bool // devices that were not heard since the start
	heard  map[string]Heard
}

func newRoll() roll {
	return roll{device: map[string]grid.Device{}, silent: map[string]bool{}, heard: map[string]Heard{}}
}

// Heard says when a gateway was heard.
type Heard struct {
	At   time.Time // wall time; zero: never
	Last time.Time // of a reading
	// Ahead is by how much its clock is ahead, as its last batch says.
	Ahead time.Duration
}

// find returns a device by its id.
func (l *roll) find(id string) (d grid.Device, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, known = l.device[id]
	return d, known
}

// isMeter tells whether a device is a connection meter, by whose registers bills are made.
func (l *roll) isMeter(device string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.device[device].Kind == grid.Meter
}

// Add takes in the readings of one more device.
func (l *roll) Add(d grid.Device) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.device[d.ID], l.silent[d.ID] = d, true
}

// Dismissed notes that a device is not waited for any more. What still comes of it is taken.
func (l *roll) Dismissed(device string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, device)
}

// Member returns whose device it is, empty when it is not known.
func (l *roll) Member(device string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.device[device].Member
}

// Answered notes that this process has read a device, before that is signed and durable.
func (l *roll) Answered(device string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, device)
}

// Silent returns the devices that have not answered since the start, sorted: nothing of
// them was read here, and nothing came from the gateway that reads them.
func (l *roll) Silent() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name := range l.silent {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Heard returns when a gateway was heard.
func (l *roll) Heard(gateway string) Heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[gateway]
}

// note remembers who was heard.
func (l *roll) note(accepted []evidence.Received) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range accepted {
		if !b.Fresh {
			continue
		}
		heard := Heard{At: time.Now(), Last: l.heard[b.Gateway].Last, Ahead: time.Duration(b.SkewMS) * time.Millisecond}
		for _, r := range b.Readings {
			delete(l.silent, r.Device)
			if r.Time.After(heard.Last) {
				heard.Last = r.Time
			}
		}
		l.heard[b.Gateway] = heard
	}
}
