//! Certificate authorities for tests of TLS.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

/// A certificate authority with a key of its own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Makes one with this common name.
    pub fn new(name: &str) -> Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?))
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Its own certificate, DER.
    pub fn der(&self) -> &[u8] {
        self.0.der()
    }

    /// Certificate and key for loopback, PEM: for a server as for a client.
    pub fn issue(&self) -> Result<(String, String)> {
        self.sign(&CertificateParams::new(loopback())?)
    }

    /// The same, expired years ago.
    pub fn issue_expired(&self) -> Result<(String, String)> {
        let mut parameters = CertificateParams::new(loopback())?;
        (parameters.not_before, parameters.not_after) =
            (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        self.sign(&parameters)
    }

    fn sign(&self, parameters: &CertificateParams) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        Ok((parameters.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }
}

fn loopback() -> Vec<String> {
    vec!["127.0.0.1".to_owned(), "localhost".to_owned()]
}
