// Package matrix shows that a session which one platform has issued opens on every other,
// with nothing shared but keys. Its test runs the examples: a server, a function on AWS
// Lambda, one on Cloud Run, the WebAssembly core in wazero and in workerd, and the reader in
// JavaScript in Node and in workerd. It prints who reads whose sessions in the middle of a
// rotation, after a logout elsewhere, and behind a comma:
//
//	go test -v -run TestE71 ./examples/matrix
//
// Node must be installed, and workerd by npm ci in the folder examples.
package matrix
