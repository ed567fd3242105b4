// SPDX-License-Identifier: Apache-2.0
// Go's crypto/tls as a peer: a client that has its words echoed, and a server that echoes.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

var (
	address = flag.String("address", "127.0.0.1:0", "")
	version = flag.String("version", "1.3", "")
	ca      = flag.String("ca", "", "whom to trust: as a server, to issue client certificates")
	name    = flag.String("name", "localhost", "")
	cert    = flag.String("cert", "", "")
	key     = flag.String("key", "", "")
	alpn    = flag.String("alpn", "", "")
	times   = flag.Int("times", 1, "how many connections, one after the other")
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func config() *tls.Config {
	made := &tls.Config{ServerName: *name, MinVersion: tls.VersionTLS13}
	if *version == "1.2" {
		made.MinVersion = tls.VersionTLS12
	}
	made.MaxVersion = made.MinVersion
	if *alpn != "" {
		made.NextProtos = []string{*alpn}
	}
	if *ca != "" {
		text, err := os.ReadFile(*ca)
		check(err)
		made.RootCAs = x509.NewCertPool()
		made.RootCAs.AppendCertsFromPEM(text)
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		check(err)
		made.Certificates = []tls.Certificate{pair}
		// Whoever issued it: what a server says of a stranger is to be seen.
		made.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return made
}

func client() {
	words, err := io.ReadAll(os.Stdin)
	check(err)
	made := config()
	made.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	for i := 0; i < *times; i++ {
		connection, err := tls.Dial("tcp", *address, made)
		check(err)
		check(connection.SetDeadline(time.Now().Add(time.Minute)))
		_, err = connection.Write(words)
		check(err)
		echo := make([]byte, len(words))
		_, err = io.ReadFull(connection, echo)
		check(err)
		if connection.ConnectionState().NegotiatedProtocol != *alpn {
			check(errors.New("another ALPN protocol"))
		}
		connection.Close()
		os.Stdout.Write(echo)
	}
}

// This connection's and the one's before: a ticket that is not renewed is good for one resumption.
func keysOf(connection byte) [][32]byte {
	return [][32]byte{{connection + 1}, {connection}}
}

func server() {
	made := config()
	if *ca != "" {
		made.ClientCAs, made.ClientAuth = made.RootCAs, tls.RequireAndVerifyClientCert
	}
	made.SetSessionTicketKeys(keysOf(0))
	listener, err := tls.Listen("tcp", *address, made)
	check(err)
	go func() { // ends with whoever started it
		io.ReadAll(os.Stdin)
		os.Exit(0)
	}()
	for i := byte(1); ; i++ {
		connection, err := listener.Accept()
		check(err)
		made.SetSessionTicketKeys(keysOf(i))
		go func() {
			if _, err := io.Copy(connection, connection); err != nil { // of one client; the test looks at it
				fmt.Fprintln(os.Stderr, err)
			}
			connection.Close()
		}()
	}
}

func main() {
	role := os.Args[1]
	check(flag.CommandLine.Parse(os.Args[2:]))
	if role == "server" {
		server()
	} else {
		client()
	}
}
