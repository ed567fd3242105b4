// SPDX-License-Identifier: Apache-2.0
// The server on rustls and tokio, on one thread: does what coal does.
use rustls::crypto::{aws_lc_rs, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{server::TlsStream, TlsAcceptor};

const JOB_SIZE: usize = 13;
const LARGEST_CHUNK: usize = 256 << 10;
static PAYLOAD: [u8; LARGEST_CHUNK] = [0; LARGEST_CHUNK];

type Stream = TlsStream<TcpStream>;

async fn send(s: &mut Stream, mut bytes: usize, chunk: usize) -> std::io::Result<()> {
    while bytes > 0 {
        let size = bytes.min(chunk);
        s.write_all(&PAYLOAD[..size]).await?;
        bytes -= size;
    }
    s.flush().await
}

async fn receive(s: &mut Stream, mut bytes: usize, chunk: usize) -> std::io::Result<()> {
    let mut buffer = vec![0u8; chunk];
    while bytes > 0 {
        match s.read(&mut buffer[..bytes.min(chunk)]).await? {
            0 => return Ok(()),
            size => bytes -= size,
        }
    }
    s.write_all(&PAYLOAD[..1]).await?;
    s.flush().await
}

async fn serve(socket: TcpStream, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let mut s = acceptor.accept(socket).await?;
    let mut message = [0u8; 1024];
    loop {
        let size = s.read(&mut message).await?;
        if size == 0 {
            return Ok(());
        }
        if size >= JOB_SIZE && (message[0] == b'D' || message[0] == b'U') {
            let total = u64::from_le_bytes(message[1..9].try_into().unwrap()) as usize;
            let chunk = u32::from_le_bytes(message[9..13].try_into().unwrap()) as usize;
            let bytes = total - (size - JOB_SIZE);
            if message[0] == b'D' {
                send(&mut s, bytes, chunk).await?;
            } else {
                receive(&mut s, bytes, chunk).await?;
            }
        } else {
            s.write_all(&message[..size]).await?;
            s.flush().await?;
        }
    }
}

fn configure(given: &HashMap<String, String>) -> Result<ServerConfig, Box<dyn Error>> {
    let is_set = |name: &str| given.get(name).is_some_and(|value| value == "1");
    let base = format!("{}/{}", given["site"], given["certificate"]);
    let chain = CertificateDer::pem_file_iter(format!("{base}.pem"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(format!("{base}.key"))?;
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1],
        ..aws_lc_rs::default_provider()
    });
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&rustls::version::TLS13])?;
    let builder = if is_set("mutual") {
        let mut anchors = RootCertStore::empty();
        anchors.add(CertificateDer::from_pem_file(format!("{}/ca.pem", given["site"]))?)?;
        builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), provider).build()?,
        )
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key)?;
    if is_set("tickets") {
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        config.send_tls13_tickets = 1;
    } else {
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Ok(config)
}

async fn run(config: ServerConfig) -> Result<(), Box<dyn Error>> {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(serve(socket, acceptor.clone()));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let given = std::env::args()
        .skip(1)
        .filter_map(|argument| {
            argument
                .split_once('=')
                .map(|(name, value)| (name.to_string(), value.to_string()))
        })
        .collect();
    let config = configure(&given)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(config))
}
