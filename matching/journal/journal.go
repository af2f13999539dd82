// Package journal is the durable log of the market's commands. A record is
// acknowledged after it is on the disk; replaying the records gives the same
// events.
//
// # Format
//
// The file begins with the 8 bytes "CWJRNL1\n". A record is the length of its
// payload, the CRC-32C of those four bytes, the CRC-32C of the payload (each
// u32, little endian), and the payload, a Command as JSON. A tail that a crash
// cut short is removed on opening: a header or payload that ends early, a last
// payload that does not match its CRC, or zeros. Anything else that does not
// match is an error that names its offset, so that a damaged length never
// passes for the end of the file.
package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/commonwatt/commonwatt/matching"
)

const (
	magic      = "CWJRNL1\n"
	headerSize = 12
)

// Journal is an open log. It is safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	err  error // the first failed write; nothing is taken after it
}

// CorruptError reports a damaged record that is not the torn tail.
type CorruptError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal %s: record at offset %d: %s; restore the file from a copy", e.Path, e.Offset, e.Reason)
}

// Open opens or creates the journal and hands every command in it to replay.
// Errors: *CorruptError, those of replay and of the disk.
func Open(path string, replay func(matching.Command) error) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	end, err := load(f, replay)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Journal{file: f}, nil
}

// load reads the records and returns where the last whole one ends.
func load(f *os.File, replay func(matching.Command) error) (end int64, err error) {
	data, err := io.ReadAll(f)
	if err != nil {
		return 0, fmt.Errorf("read journal: %w", err)
	}
	if len(data) < len(magic) && bytes.HasPrefix([]byte(magic), data) {
		if _, err := f.WriteAt([]byte(magic), 0); err != nil {
			return 0, fmt.Errorf("begin journal: %w", err)
		}
		return int64(len(magic)), nil
	}
	if !bytes.HasPrefix(data, []byte(magic)) {
		return 0, &CorruptError{Path: f.Name(), Reason: "not a journal of this version"}
	}
	at := len(magic)
	for at < len(data) {
		payload, torn, reason := record(data[at:])
		if torn {
			return int64(at), nil
		}
		if reason != "" {
			return 0, &CorruptError{Path: f.Name(), Offset: int64(at), Reason: reason}
		}
		var c matching.Command
		if err := json.Unmarshal(payload, &c); err != nil {
			return 0, &CorruptError{Path: f.Name(), Offset: int64(at), Reason: err.Error()}
		}
		if err := replay(c); err != nil {
			return 0, fmt.Errorf("replay journal at offset %d: %w", at, err)
		}
		at += headerSize + len(payload)
	}
	return int64(at), nil
}

// record reads the first record of data; torn is true for the tail of a crash.
func record(data []byte) (payload []byte, torn bool, reason string) {
	if len(data) < headerSize || len(bytes.Trim(data, "\x00")) == 0 {
		return nil, true, ""
	}
	if checksum(data[:4]) != binary.LittleEndian.Uint32(data[4:]) {
		return nil, false, "checksum of the length does not match"
	}
	size := int(binary.LittleEndian.Uint32(data))
	if len(data) < headerSize+size {
		return nil, true, ""
	}
	payload = data[headerSize : headerSize+size]
	if checksum(payload) != binary.LittleEndian.Uint32(data[8:]) {
		if len(data) == headerSize+size {
			return nil, true, ""
		}
		return nil, false, "checksum does not match"
	}
	return payload, false, ""
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Append writes the commands and returns when they are durable. After an error
// the journal takes nothing more: the caller must stop.
func (j *Journal) Append(commands ...matching.Command) error {
	var buf []byte
	for _, c := range commands {
		payload, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("append to journal: %w", err)
		}
		at := len(buf)
		buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
		buf = binary.LittleEndian.AppendUint32(buf, checksum(buf[at:]))
		buf = binary.LittleEndian.AppendUint32(buf, checksum(payload))
		buf = append(buf, payload...)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	if _, err := j.file.Write(buf); err != nil {
		j.err = fmt.Errorf("append to journal: %w", err)
	} else if err := j.file.Sync(); err != nil {
		j.err = fmt.Errorf("append to journal: %w", err)
	}
	return j.err
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
