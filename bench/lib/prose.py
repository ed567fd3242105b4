# SPDX-License-Identifier: Apache-2.0
"""The text of docs/performance.md around the figures; it claims nothing that a run could refute."""

PAGE = """# Performance

<!-- Written by scripts/bench; edit bench/lib/prose.py. -->

What Sluice's servers and clients spend beside programs that use its engine directly, and beside other libraries. All
programs did the same work in one run, in turns, on pinned CPUs: `scripts/bench` writes this page.
[bench/README.md](../bench/README.md) describes the programs.

{versions}

## Servers

CPU time of the server (user and kernel) for one operation, or for a GiB. The measure is **coal**: an epoll loop on
s2n-tls alone, one thread, which uses connections again and sends all that one call of s2n writes at once
(`bench/bare/coal.cpp`). Its column is an absolute median; the others are ratios to coal, each taken within a cycle in
which every server had one burst: the median of {cycles} cycles, with quartiles. Below 1, a server spends less than
coal. *load* is what the load generator itself spent for the same operation, on its own CPU.

{servers}
![CPU time of the servers](performance/servers.svg)

- All servers negotiate TLS 1.3, X25519 and AES-128-GCM, on one thread (Go: one CPU). rustls and Sluice use AWS-LC,
  asio::ssl the system's OpenSSL, Go its own cryptography. Where tickets are on, each server issues one.
- A handshake includes its TCP connection, one byte each way and the end of the connection; 32 are under way at once.
- The load is a client on bare s2n that accepts every certificate and signature, so that it spends little. Each of
  its flights is one segment, as with most clients.
- The ratios of bulk transfers vary most from run to run; the instructions below do not.

## Memory

Anonymous memory of the server's process for each of 10,000 connections (W7) that completed a handshake and then were
silent, four seconds later. A server that keeps a buffer for messages keeps 1 KiB.

{memory}
![Memory of an idle connection](performance/memory.svg)

## Clients

CPU time of the client for a handshake that verifies chain and name, one byte each way and the end, with coal as the
server. *stream* is a `stream` over a connected socket, *async_connect* includes the resolution of an address.

{clients}
![CPU time of the clients](performance/clients.svg)

## Where Sluice is slower

Each case in which another program of the same run spends at least 2 % less:

{losses}
## Instructions, allocations, system calls

Counted under callgrind by [the guard](../bench/guard/run), which bounds the differences; they vary by less than 0.5 %
from run to run. "bare" is coal, and for clients the bare client.

{counted}
System calls of a server for a full handshake, its byte and its end; they depend on the times at which data arrives.
Go's are not counted, because it does not call libc.

{calls}
{start}
## A slow token

`bench/slow-token`: a SoftHSM token behind a module that makes every `C_Sign` take the given time, any number of
sessions at a time. 64 clients make handshakes continuously while one established connection echoes every millisecond;
echoes are timed from when they were due. "Key in memory" is the same server at the same rate of handshakes. `sluice` is
`sluice serve` with its eight sessions, `sluice-64` has 64. Clients, servers and SoftHSM share the CPUs; the other
servers are those that were installed.

{token}
## Compile time and size

`bench/compile-time`: one file each, a hello echo server as a C++20 coroutine, g++ -O2, CPU seconds of the compiler.

{compiled}
asio::ssl also needs the system's libssl and libcrypto at run time; s2n-tls and AWS-LC are linked into Sluice's program.

## Repeating it

```
scripts/setup --bench
scripts/bench              # everything; nothing else should run meanwhile
scripts/bench --only W1,W6 # prints some of it, and writes no document
```
"""

OUTAGE = """The same, with 20 ms a signature, 16 clients with full handshakes and 2 that resume, and 8 established
connections that echo. The token is removed after 3 s and inserted again after 8 s; nothing is restarted.
"""
