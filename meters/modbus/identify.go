package modbus

import (
	"context"
	"fmt"
)

// Identification is what a device says of itself (Modbus Application Protocol
// V1.1b3, 6.21: basic and regular categories). What it does not say is empty.
type Identification struct {
	Vendor   string `json:"vendor,omitempty"`
	Product  string `json:"product_code,omitempty"`
	Revision string `json:"revision,omitempty"`
	URL      string `json:"vendor_url,omitempty"`
	Name     string `json:"product_name,omitempty"`
	Model    string `json:"model_name,omitempty"`
}

const (
	encapsulated         = 0x2b
	deviceIdentification = 0x0e
	basicCategory        = 1
	regularCategory      = 2
	maxPDU               = 253
	mostFragments        = 16
)

func identification(category, object uint8) []byte {
	return []byte{encapsulated, deviceIdentification, category, object}
}

// checkIdentification returns the answer's PDU from the MEI type on.
func checkIdentification(pdu []byte) ([]byte, error) {
	switch {
	case len(pdu) == 2 && pdu[0] == encapsulated|exceptionBit:
		return nil, &ExceptionError{Code: pdu[1]}
	case len(pdu) < 7 || pdu[0] != encapsulated || pdu[1] != deviceIdentification:
		return nil, errNotTheAnswer
	default:
		return pdu[1:], nil
	}
}

// Identify asks a unit who it is. Errors: *ExceptionError when it does not know
// the question, ErrClosed, the context's, or the network's.
func (c *Conn) Identify(ctx context.Context, unit uint8) (Identification, error) {
	var id Identification
	err := c.call(ctx, func(l link) (err error) {
		// A device without the regular category answers with what it has.
		if id, err = identify(l, unit, regularCategory); err != nil {
			id, err = identify(l, unit, basicCategory)
		}
		return err
	})
	if err != nil {
		return Identification{}, fmt.Errorf("identify %s unit %d: %w", c.endpoint, unit, err)
	}
	return id, nil
}

func identify(l link, unit, category uint8) (Identification, error) {
	var id Identification
	fields := []*string{&id.Vendor, &id.Product, &id.Revision, &id.URL, &id.Name, &id.Model}
	object := uint8(0)
	for range mostFragments {
		answer, err := l.identify(unit, category, object)
		if err != nil {
			return id, err
		}
		more, next, count := answer[3], answer[4], int(answer[5])
		rest := answer[6:]
		for range count {
			if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
				return id, errNotTheAnswer
			}
			if which := int(rest[0]); which < len(fields) {
				*fields[which] = text(rest[2 : 2+rest[1]])
			}
			rest = rest[2+int(rest[1]):]
		}
		if more == 0 || next <= object {
			return id, nil
		}
		object = next
	}
	return id, nil
}

// text keeps what a page or a terminal can show.
func text(b []byte) string {
	shown := make([]byte, 0, len(b))
	for _, c := range b {
		if c >= ' ' && c <= '~' {
			shown = append(shown, c)
		}
	}
	return string(shown)
}
