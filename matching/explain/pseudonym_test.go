package explain

import "testing"

// TestPseudonym compares with openssl: printf 7 | openssl dgst -sha256 -hmac secret. Another order and another secret give another
// name.
func TestPseudonym(t *testing.T) {
	got := Pseudonym([]byte("secret"), 7)
	if want := "074d7db5790cd48f"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got == Pseudonym([]byte("secret"), 8) || got == Pseudonym([]byte("other"), 7) {
		t.Error("another order, or another secret, has the same name")
	}
}
