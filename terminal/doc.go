// Package terminal is how the program talks to somebody at a terminal: a bar that shows how
// far something has come, and questions that are asked until the answer fits. Where nobody is
// there, the bar is a line for each quarter, and nothing is asked.
package terminal
