package proof_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/proof"
)

var update = flag.Bool("update", false, "write the vectors of the pages anew")

// vectorsFile is by what the pages' own check of proofs is tested.
const vectorsFile = "../web/ui/src/pages/utility/vectors.json"

// vectors are logs of all sizes up to a few complete trees, with all their proofs.
type vectors struct {
	Key         string        `json:"key"`
	Checkpoint  string        `json:"checkpoint"` // of the whole log
	Leaves      []string      `json:"leaves"`
	Roots       []string      `json:"roots"` // by size, from 0
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

type inclusion struct {
	Size int64    `json:"size"`
	Leaf int64    `json:"leaf"`
	Path []string `json:"path"`
}

type consistency struct {
	Older int64    `json:"older"`
	Newer int64    `json:"newer"`
	Path  []string `json:"path"`
}

// TestVectorsOfThePages holds the vectors by which the pages test their own check of proofs to
// what this package makes.
func TestVectorsOfThePages(t *testing.T) {
	const leaves = 19
	log, v := proof.Log{Hashes: &proof.Memory{}}, vectors{Roots: []string{tlog.Hash{}.String()}}
	for n := range int64(leaves) {
		text := fmt.Sprintf(`{"id":"c/2026-06-01T12:00:00Z/15/1/0/%d","reason":"trade","müller":%d}`, n, n*n)
		_, err := log.Add([]byte(text))
		must(t, err)
		root, err := log.Root(n + 1)
		must(t, err)
		v.Leaves, v.Roots = append(v.Leaves, text), append(v.Roots, root.String())
	}
	for size := int64(1); size <= leaves; size++ {
		for leaf := range size {
			p, err := tlog.ProveRecord(size, leaf, &log)
			must(t, err)
			v.Inclusion = append(v.Inclusion, inclusion{size, leaf, hashesOf(p)})
		}
		for older := int64(1); older < size; older++ {
			p, err := tlog.ProveTree(size, older, &log)
			must(t, err)
			v.Consistency = append(v.Consistency, consistency{older, size, hashesOf(p)})
		}
	}
	v.sign(t, &log)
	text, err := json.Marshal(v)
	must(t, err)
	text = append(text, '\n')
	if *update {
		must(t, os.WriteFile(vectorsFile, text, 0o644))
	}
	if kept, err := os.ReadFile(vectorsFile); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("%s is not what this package makes, %v: go test ./proof -update", vectorsFile, err)
	}
}

// sign signs a checkpoint by a key that is the same every time.
func (v *vectors) sign(t *testing.T, log *proof.Log) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.NewChaCha8([32]byte{7}), "commonwatt/test")
	must(t, err)
	signer, err := note.NewSigner(private)
	must(t, err)
	root, err := log.Root(log.Size)
	must(t, err)
	signed, err := proof.Checkpoint{Origin: "commonwatt/test", Size: log.Size, Root: root, Records: 3, RecordsRoot: root}.Sign(signer)
	must(t, err)
	v.Key, v.Checkpoint = public, string(signed)
}

func hashesOf[P ~[]tlog.Hash](p P) []string {
	all := make([]string, len(p))
	for k, h := range p {
		all[k] = base64.StdEncoding.EncodeToString(h[:])
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
