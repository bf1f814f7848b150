//! Servers and clients on loopback that trust a certificate authority of the test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use netmarks_server::Tls;
use netmarks_test_cluster::Authority;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::binary::replace;
use super::client_builder;

/// Writes a new certificate of this authority and its key where a server finds them.
pub fn install(authority: &Authority, folder: &Path) -> Result<Tls> {
    let (certificate, key) = authority.issue()?;
    let files = Tls {
        cert_file: Some(folder.join("tls.crt")),
        key_file: Some(folder.join("tls.key")),
        client_ca_file: None,
    };
    replace(&folder.join("tls.crt"), certificate)?;
    replace(&folder.join("tls.key"), key)?;
    Ok(files)
}

/// A client that trusts this authority and no other.
pub fn trusting(authority: &Authority) -> Result<reqwest::ClientBuilder> {
    Ok(client_builder().tls_certs_only([reqwest::Certificate::from_pem(authority.pem().as_bytes())?]))
}

/// A TLS connection that offers these protocols, from one who trusts this authority.
pub async fn connect(
    authority: &Authority,
    address: SocketAddr,
    protocols: &[&str],
) -> Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der()))?;
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("127.0.0.1")?;
    Ok(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}
