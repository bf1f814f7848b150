//! Certificate authorities, servers' and clients' certificates.

use std::path::Path;

use anyhow::Result;
use netmarks::config::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

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
}
