// SPDX-License-Identifier: Apache-2.0
//! rustls as a peer: a client that has its words echoed, and a server that echoes.
use std::{
    collections::HashMap,
    error::Error,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName};
use rustls::{crypto::ring, server::WebPkiClientVerifier, version, ClientConfig, ClientConnection, RootCertStore};
use rustls::{ServerConfig, ServerConnection, Stream, SupportedProtocolVersion};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

static ONLY_1_2: &[&SupportedProtocolVersion] = &[&version::TLS12];
static ONLY_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];

/// What is not given is empty.
struct Options(HashMap<String, String>);

impl Options {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        if self.get("-version") == Some("1.2") {
            ONLY_1_2
        } else {
            ONLY_1_3
        }
    }

    fn roots(&self, file: &str) -> Outcome<Arc<RootCertStore>> {
        let mut made = RootCertStore::empty();
        made.add(CertificateDer::from_pem_file(file)?)?;
        Ok(Arc::new(made))
    }

    fn identity(&self) -> Outcome<Option<Identity>> {
        let (Some(cert), Some(key)) = (self.get("-cert"), self.get("-key")) else { return Ok(None) };
        let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<_, _>>()?;
        Ok(Some((chain, PrivateKeyDer::from_pem_file(key)?)))
    }

    fn protocols(&self) -> Vec<Vec<u8>> {
        self.get("-alpn").iter().map(|name| name.as_bytes().to_vec()).collect()
    }
}

fn client(options: &Options) -> Outcome<()> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(options.versions())?
        .with_root_certificates(options.roots(options.get("-ca").ok_or("no -ca")?)?);
    let mut config = match options.identity()? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = options.protocols();
    let config = Arc::new(config); // keeps the sessions too
    let mut words = Vec::new();
    std::io::stdin().read_to_end(&mut words)?;

    for _ in 0..options.get("-times").unwrap_or("1").parse()? {
        let name = ServerName::try_from(options.get("-name").unwrap_or("localhost").to_owned())?;
        let mut connection = ClientConnection::new(config.clone(), name)?;
        let mut socket = TcpStream::connect(options.get("-address").ok_or("no -address")?)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut echo = vec![0; words.len()];
        let mut stream = Stream::new(&mut connection, &mut socket);
        stream.write_all(&words)?;
        stream.read_exact(&mut echo)?;
        if connection.alpn_protocol() != options.get("-alpn").map(str::as_bytes) {
            return Err("another ALPN protocol".into());
        }
        connection.send_close_notify();
        connection.write_tls(&mut socket)?;
        std::io::stdout().write_all(&echo)?;
    }
    Ok(())
}

fn echo(config: Arc<ServerConfig>, mut socket: TcpStream) -> Outcome<()> {
    let mut connection = ServerConnection::new(config)?;
    let mut buffer = [0; 65536];
    loop {
        let mut stream = Stream::new(&mut connection, &mut socket);
        match stream.read(&mut buffer)? {
            0 => break,
            size => stream.write_all(&buffer[..size])?,
        }
    }
    connection.send_close_notify();
    connection.write_tls(&mut socket)?;
    Ok(())
}

fn server(options: &Options) -> Outcome<()> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(options.versions())?;
    let builder = match options.get("-ca") {
        Some(ca) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(options.roots(ca)?, provider).build()?,
        ),
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = options.identity()?.ok_or("no -cert")?;
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = options.protocols();
    config.ticketer = ring::Ticketer::new()?;
    let config = Arc::new(config);

    std::thread::spawn(|| {
        // ends with whoever started it
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    for socket in TcpListener::bind(options.get("-address").ok_or("no -address")?)?.incoming() {
        let (config, socket) = (config.clone(), socket?);
        std::thread::spawn(move || {
            let _ = echo(config, socket).map_err(|trouble| eprintln!("{trouble}"));
        });
    }
    Ok(())
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let options = Options(words[2..].chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect());
    let done = if words[1] == "server" { server(&options) } else { client(&options) };
    if let Err(trouble) = done {
        eprintln!("{trouble}");
        std::process::exit(1);
    }
}
