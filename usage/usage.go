// Package usage marks errors that the caller can mend: wrong flags, invalid input, a
// directory that is in use. A program that ends with one exits with code 2, and its text
// says what to do.
package usage

import (
	"errors"
	"fmt"
)

// An Error is the caller's to mend.
type Error struct{ err error }

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what is marked.
func (e *Error) Unwrap() error { return e.err }

// Errorf returns an Error with the text that fmt.Errorf makes.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// Mark marks an error as the caller's to mend; nil stays nil.
func Mark(err error) error {
	if err == nil {
		return nil
	}
	return &Error{err}
}

// Is tells whether an error, or one that it wraps, is the caller's to mend.
func Is(err error) bool {
	var e *Error
	return errors.As(err, &e)
}
