// Package said knows what the program says to people, and says it in their language.
//
// # Model
//
// The program speaks English: a refusal, an alarm or a wish that cannot be met is written as one
// sentence where it arises. The catalogue, the files below sentences, has each such sentence with a code that never
// changes, its values by name, and the same sentence in German. Read finds the sentence that a
// text is, so that who shows it can pass on the code and the values (web), or say it in the
// language of who reads (web/ui, notices). A text that is in no file is said as it was written;
// the test of this package reads the source of the stages and fails for a sentence that is missing here.
//
// # Files
//
// An entry is a line with its code and a line for each language that begins with its name:
//
//	bill.unknown
//	en there is no bill {id:q}: commonwatt bill list shows them
//	de es gibt keine Rechnung {id}: commonwatt bill list zeigt sie
//
// In braces stand the values; the English sentence tells what they are: q is quoted as Go does it,
// n a number, a an amount with its unit, c a time of day, t a time (RFC 3339, shown by the clocks of the site), i a
// delivery interval as START/MINUTES (shown like t, from when until when), d a
// day with a time as in Monday 1 June 07:00, f the name of a field as in cars.charger.ready_by, s a
// sentence of the catalogue, w one if it is known and any text otherwise. Without a letter a
// value is any text on one line.
//
// Of two entries that a text may be, the one with more fixed letters is taken.
package said
