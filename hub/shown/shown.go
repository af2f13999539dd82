// Package shown puts what the stages of a community know into the terms of the API, for its
// operator and for the pages: each type stands between one part of web and the stage that it
// shows, and decides nothing. Hub makes them and hands them to web. They start nothing, and are
// safe for concurrent use where what they show is.
package shown
