//! Certificate authorities, servers' and clients' certificates.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use netmarks_server::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::binary::replace;
use super::client_builder;

/// A certificate authority.
pub struct Authority(pub CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key for loopback, for a server as for a client.
    pub fn issue(&self) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        Ok((parameters.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }

    /// Writes a certificate and its key where a server finds them.
    pub fn install(&self, folder: &Path) -> Result<Tls> {
        let (certificate, key) = self.issue()?;
        let files = Tls {
            cert_file: Some(folder.join("tls.crt")),
            key_file: Some(folder.join("tls.key")),
            client_ca_file: None,
        };
        replace(&folder.join("tls.crt"), certificate)?;
        replace(&folder.join("tls.key"), key)?;
        Ok(files)
    }

    pub fn client(&self) -> Result<reqwest::ClientBuilder> {
        Ok(client_builder().tls_certs_only([reqwest::Certificate::from_pem(self.pem().as_bytes())?]))
    }

    /// A TLS connection that offers these protocols, from one who trusts this authority.
    pub async fn connect(&self, address: SocketAddr, protocols: &[&str]) -> Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone())?;
        let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = rustls::pki_types::ServerName::try_from("127.0.0.1")?;
        Ok(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
    }
}
