package network

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// layout lays a network out in its directory: ports, keys and every configuration.
type layout struct {
	*description

	configtxgen string // Fabric's program of that name
}

// all chooses ports, makes keys and writes every configuration.
func (y layout) all(ctx context.Context, orderers int) error {
	for k := range orderers {
		msp := ledger.MSPCommunity
		if k%2 == 1 {
			msp = ledger.MSPUtility
		}
		y.Nodes = append(y.Nodes, Node{Name: fmt.Sprintf("orderer%d", k+1), Kind: orderer, MSP: msp})
	}
	for _, msp := range organisations() {
		y.Nodes = append(y.Nodes, Node{Name: "peer-" + strings.ToLower(msp), Kind: peer, MSP: msp},
			Node{Name: "contracts-" + strings.ToLower(msp), Kind: contracts, MSP: msp})
	}
	if err := y.choosePorts(ctx); err != nil {
		return err
	}
	if err := (keyMaker{y.description}).makeKeys(); err != nil {
		return err
	}
	configured := configs{y.description}
	for _, step := range []func() error{configured.writeChannel, configured.writeBuilder, configured.writeNodes} {
		if err := step(); err != nil {
			return fmt.Errorf("lay out network: %w", err)
		}
	}
	genesis := exec.CommandContext(ctx, y.configtxgen, "-profile", "Commonwatt", "-channelID", Channel, "-outputBlock", y.file("genesis.block")) //nolint:gosec // found above
	genesis.Env = append(os.Environ(), "FABRIC_CFG_PATH="+y.Dir)
	if out, err := genesis.CombinedOutput(); err != nil && y.bft() {
		return fmt.Errorf("lay out network: %w: configtxgen: %w", ErrNoBFT, err)
	} else if err != nil {
		return fmt.Errorf("lay out network: configtxgen: %w\n%s", err, out)
	}
	text, err := json.MarshalIndent(y.description, "", "\t")
	if err != nil {
		return fmt.Errorf("lay out network: %w", err)
	}
	return disk.Replace(y.file(descriptionFile), append(text, '\n'), disk.Private) // written last: it says that all is there
}

// choosePorts finds ports that are free now.
func (y layout) choosePorts(ctx context.Context) error {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for k := range y.Nodes {
		for _, port := range []*int{&y.Nodes[k].Port, &y.Nodes[k].Admin, &y.Nodes[k].Operations} {
			l, err := listenBelow(ctx, outgoing())
			if err != nil {
				return err
			}
			held = append(held, l)
			*port = l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert,errcheck // of a TCP listener
		}
	}
	return nil
}

// firstPort is below the ports that are chosen: lower ones are well known.
const firstPort = 15_000

// outgoing returns the first port that the system may give to an outgoing connection.
// A node that begins later than its port was chosen would find it taken.
func outgoing() int {
	const usual = 32_768
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return usual
	}
	first, err := strconv.Atoi(fields[0])
	if err != nil || first <= firstPort {
		return usual
	}
	return first
}

// listenBelow listens at a free port between firstPort and another.
func listenBelow(ctx context.Context, end int) (l net.Listener, err error) {
	const tries = 100
	for range tries {
		port := firstPort + rand.IntN(end-firstPort) //nolint:gosec // no secret
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("find a free port between %d and %d: %w", firstPort, end, err)
}
