// Package journal is the durable log of the market's commands, and what puts
// commands into it in groups. A command is acknowledged after it is on the
// disk; replaying the log, or a snapshot and what follows it, gives the same
// state and the same events.
//
// # Files
//
// A directory holds segments, N.journal, and snapshots, N.snapshot, named by
// the number of commands before them, 20 digits. Snapshots shorten the start. Of the
// segments that neither of the two newest snapshots needs, the sixteen newest stay.
//
// A segment begins with the 8 bytes "CWJRNL2\n". A frame is the group of
// commands that became durable together: u32 length of the payload, u64 number
// of commands before it, CRC-32C of those 12 bytes, CRC-32C of the payload (u32
// each, all little endian), and the payload, encoded commands one after
// another. A segment is full of zeros before its first frame, because a disk
// commits faster what does not change a file's size; the next one is prepared
// meanwhile.
//
// A frame that a crash cut short is removed on opening: it is damaged, and no
// whole frame follows it. Damage before a whole frame is an error that names
// the offset, never a silent skip.
//
// A snapshot is "CWSNAP1\n", the CRC-32C of the rest (u32), and the rest, the
// machine's state. A damaged one is passed over for an older one.
package journal
