// SPDX-License-Identifier: Apache-2.0

// The server on Go's crypto/tls: does what coal does.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
)

const jobSize = 13

var payload [256 << 10]byte

// The next part of a transfer. Debian's Go has no min().
func next(bytes, chunk uint64) uint64 {
	if bytes < chunk {
		return bytes
	}
	return chunk
}

func send(c net.Conn, bytes, chunk uint64) error {
	for bytes > 0 {
		size := next(bytes, chunk)
		if _, err := c.Write(payload[:size]); err != nil {
			return err
		}
		bytes -= size
	}
	return nil
}

func receive(c net.Conn, bytes, chunk uint64) error {
	buffer := make([]byte, chunk)
	for bytes > 0 {
		size, err := c.Read(buffer[:next(bytes, chunk)])
		if err != nil {
			return err
		}
		bytes -= uint64(size)
	}
	_, err := c.Write(payload[:1])
	return err
}

// Returns when the client has closed the connection.
func serve(c net.Conn) error {
	defer c.Close()
	message := make([]byte, 1024)
	for {
		size, err := c.Read(message)
		if err != nil {
			return err
		}
		if size >= jobSize && (message[0] == 'D' || message[0] == 'U') {
			bytes := binary.LittleEndian.Uint64(message[1:]) - uint64(size-jobSize)
			chunk := uint64(binary.LittleEndian.Uint32(message[9:]))
			if message[0] == 'D' {
				err = send(c, bytes, chunk)
			} else {
				err = receive(c, bytes, chunk)
			}
		} else {
			_, err = c.Write(message[:size])
		}
		if err != nil {
			return err
		}
	}
}

func configure(given map[string]string) (*tls.Config, error) {
	base := given["site"] + "/" + given["certificate"]
	certificate, err := tls.LoadX509KeyPair(base+".pem", base+".key")
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates:           []tls.Certificate{certificate},
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256},
		SessionTicketsDisabled: given["tickets"] != "1",
	}
	if given["mutual"] == "1" {
		anchors, err := os.ReadFile(given["site"] + "/ca.pem")
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(anchors)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

func run() error {
	given := map[string]string{}
	for _, argument := range os.Args[1:] {
		name, value, _ := strings.Cut(argument, "=")
		given[name] = value
	}
	config, err := configure(given)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		c, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(tls.Server(c, config)) // ends with the connection
	}
}

func main() { log.Fatal(run()) }
