// Package index keeps log entries on disk and finds them again.
//
//	Append → journal → head of the instance → sealed block → bleve and id filter → Search
//	                 ↘ followers
//
// Invariants: an Entry has a Seq once and for ever; what Append has returned
// for is found by the next Search; Search returns exactly the entries that a
// scan with Query.Match would return: bleve and the filters only ever skip
// blocks, and the shapes and values of a block answer only what they are sure
// of. The package knows neither sockets nor HTTP. Start reading at
// Entry, then Store.
package index
