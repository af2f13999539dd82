package evidence

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// packer makes what is kept as JSON small, so that exactly the same bytes come out
// again: a signature holds for these only. What is kept plain, as once everything
// was, begins with a brace; what is packed is a zstd frame, which does not. It is
// safe for concurrent use.
type packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

const (
	// likeness is what short texts are described by: what they have in common need
	// not be kept in each. It is part of the format of version 1.
	likeness = `{"community":"demo","interval":"","run":1,"tariff":{"version":"","currency":"EUR","retail":300000,"feed_in":60000},` +
		`"basis":{"trades":[{"product":{"community":"","interval":""},"seq":1,"bid":"","offer":"","buyer":"","seller":"","energy":250,"bid_price":180000,"offer_price":160000}],` +
		`"feeder":{"nodes":[{"id":"root"}]},"nodes":{}},"leaves":[{"metering_point":"","flow":{"import":0,"export":0},"quality":"good","salt":"","batches":["",""]}]}` +
		`{"batch":{"community":"demo","gateway":"gw-0","sequence":1,"previous":"","member":"home-01","skew_ms":0,"readings":[` +
		`{"device":"home-01/battery","time":"2026-06-01T10:00:00.","power":3651,"import":4339164,"export":3905235,"charge":838,"voltage":230500,"hertz":50010,"took":219444,"quality":"good"},` +
		`{"device":"home-01/charger","time":"2026-06-01T10:00:00.","power":0,"import":2891746,"voltage":230500,"hertz":50010,"took":130438,"quality":"good"},` +
		`{"device":"home-01/inverter","time":"2026-06-01T10:00:00.","power":-3794,"export":20596718,"voltage":230500,"hertz":50010,"took":138035,"quality":"good"},` +
		`{"device":"home-01/meter","time":"2026-06-01T10:00:00Z","power":0,"import":4983313,"export":10298352,"voltage":230500,"hertz":50010,"took":227840,"quality":"good"}]},"signature":"MEUCIQD`
	likenessID = 1
	mostPacked = 64 << 20 // that a text may come to
)

func newPacker() (*packer, error) {
	encoder, err1 := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(likenessID, []byte(likeness)), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<16))
	decoder, err2 := zstd.NewReader(nil, zstd.WithDecoderDictRaw(likenessID, []byte(likeness)), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostPacked))
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("compression: %w, %w", err1, err2)
	}
	return &packer{encoder, decoder}, nil
}

// pack returns the bytes to keep for a text.
func (p *packer) pack(text []byte) []byte {
	if packed := p.encoder.EncodeAll(text, nil); len(packed) < len(text) && len(text) > 0 && text[0] == '{' {
		return packed
	}
	return text
}

// unpack returns the text of which these bytes are kept.
func (p *packer) unpack(kept []byte) ([]byte, error) {
	if !isPacked(kept) {
		return kept, nil
	}
	text, err := p.decoder.DecodeAll(kept, nil)
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return text, nil
}

// isPacked recognizes a zstd frame (RFC 8878, 3.1.1).
func isPacked(kept []byte) bool {
	return len(kept) > 4 && kept[0] == 0x28 && kept[1] == 0xB5 && kept[2] == 0x2F && kept[3] == 0xFD
}
