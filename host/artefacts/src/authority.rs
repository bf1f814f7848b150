//! Certificate authorities that are trusted to say who signed a policy.
//!
//! A certificate counts if it leads to a certificate of the authority's file, is for code signing, is valid now, and names one of
//! the identities that the operator listed. The file's certificates are all trusted as they are, roots and intermediates.
//!
//! The time of signing is not taken from anywhere: timestamps and transparency logs are not verified, so a certificate that has
//! expired no longer counts, whenever it signed.

use std::path::Path;
use std::time::Duration;

use netmarks_files::Content;
use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::ring::{
    ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::authority_error::{AuthorityError, CertificateError};

/// `id-kp-codeSigning`, 1.3.6.1.5.5.7.3.3, without tag and length.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// How authorities may sign certificates. The certificate's own key is ECDSA P-256, as every key here.
const ALGORITHMS: &[&dyn rustls::pki_types::SignatureVerificationAlgorithm] = &[
    ECDSA_P256_SHA256,
    ECDSA_P256_SHA384,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
    ED25519,
    RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512,
];

/// Holds the certificates of one authority, and the identities that may sign with certificates under them.
#[derive(Clone, Debug)]
pub struct Authority {
    anchors: Vec<TrustAnchor<'static>>,
    identities: Vec<String>,
}

/// Holds a certificate that came with a signature, and those between it and an authority.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) leaf: CertificateDer<'static>,
    pub(crate) intermediates: Vec<CertificateDer<'static>>,
}

/// Whom a certificate was issued to.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) key: VerifyingKey,
    pub(crate) identity: String,
}

impl Authority {
    /// Reads the certificates of a text with one or more PEM blocks. `identities` are compared, as they are, with the subject
    /// alternative names of type email, URI and DNS.
    ///
    /// # Errors
    /// If there is no certificate or no identity, or one of the certificates cannot be read.
    pub fn from_pem(text: &str, identities: Vec<String>) -> Result<Self, AuthorityError> {
        if identities.is_empty() {
            return Err(AuthorityError::Identities);
        }
        let blocks = CertificateDer::pem_slice_iter(text.as_bytes());
        let anchors = blocks.zip(1..).map(|(block, number)| {
            let block = block.map_err(|source| AuthorityError::Pem { number, source })?;
            let anchor = webpki::anchor_from_trusted_cert(&block);
            Ok(anchor.map_err(|source| AuthorityError::Certificate { number, source })?.to_owned())
        });
        let anchors: Vec<_> = anchors.collect::<Result<_, AuthorityError>>()?;
        if anchors.is_empty() { Err(AuthorityError::None) } else { Ok(Self { anchors, identities }) }
    }

    /// The same for a file.
    ///
    /// # Errors
    /// If it cannot be read, is larger than 1 MiB, or as for [`Authority::from_pem`].
    pub fn read(path: &Path, identities: Vec<String>) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError::File { path: path.to_owned(), source };
        let text = match netmarks_files::read(path, netmarks_files::SMALL).map_err(failed)? {
            Content::Whole(bytes) => {
                String::from_utf8(bytes).map_err(|error| failed(std::io::Error::other(error)))?
            }
            Content::TooLarge => return Err(failed(std::io::ErrorKind::FileTooLarge.into())),
        };
        let authority = Self::from_pem(&text, identities);
        authority.map_err(|source| AuthorityError::InFile { path: path.to_owned(), source: Box::new(source) })
    }

    /// Whom `chain` was issued to, if that is one of the identities and the certificate is valid at `now`.
    pub(crate) fn holder(&self, chain: &Chain, now: UnixTime) -> Result<Holder, CertificateError> {
        let untrusted = |source| CertificateError::Untrusted { source };
        let certificate = EndEntityCert::try_from(&chain.leaf).map_err(untrusted)?;
        let usage = KeyUsage::required(CODE_SIGNING);
        certificate
            .verify_for_usage(ALGORITHMS, &self.anchors, &chain.intermediates, now, usage, None, None)
            .map_err(untrusted)?;
        let names = names(&chain.leaf)?;
        let identity = names.iter().find(|name| self.identities.contains(name)).cloned();
        let identity = identity.ok_or_else(|| CertificateError::Identity {
            found: if names.is_empty() { "nobody".to_owned() } else { names.join(", ") },
            expected: self.identities.join(", "),
        })?;
        let key = VerifyingKey::from_public_key_der(&certificate.subject_public_key_info())
            .map_err(|source| CertificateError::Key { source })?;
        Ok(Holder { key, identity })
    }
}

/// The subject alternative names by which people and pipelines are known.
fn names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, CertificateError> {
    let malformed = |source| CertificateError::Malformed { source };
    let certificate = Certificate::from_der(certificate).map_err(malformed)?;
    let names = certificate.tbs_certificate().get_extension::<SubjectAltName>().map_err(malformed)?;
    let Some((_, SubjectAltName(names))) = names else { return Ok(Vec::new()) };
    let texts = names.iter().filter_map(|name| match name {
        GeneralName::Rfc822Name(text)
        | GeneralName::DnsName(text)
        | GeneralName::UniformResourceIdentifier(text) => Some(text.to_string()),
        _ => None,
    });
    Ok(texts.collect())
}

/// The time of this machine.
pub(crate) fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 finds every certificate not valid yet.
    UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    };

    const CI: &str = "https://ci.example/policies/.github/workflows/release.yaml@refs/heads/main";

    struct Root {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn root() -> Root {
        named_root("ours")
    }

    fn named_root(name: &str) -> Root {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Root { pem, issuer: Issuer::new(params, key) }
    }

    fn params(names: Vec<SanType>) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params
    }

    fn issue(root: &Root, params: &CertificateParams) -> Chain {
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), &root.issuer).unwrap();
        Chain { leaf: certificate.der().clone(), intermediates: Vec::new() }
    }

    fn email() -> Vec<SanType> {
        vec![SanType::Rfc822Name("ci@example.com".try_into().unwrap())]
    }

    fn authority(root: &Root) -> Authority {
        Authority::from_pem(&root.pem, vec!["ci@example.com".to_owned(), CI.to_owned()]).unwrap()
    }

    #[test]
    fn people_and_pipelines_are_known_by_their_alternative_names() {
        let root = root();
        let uri = vec![SanType::URI(CI.try_into().unwrap())];
        for (names, expected) in [(email(), "ci@example.com"), (uri, CI)] {
            let holder = authority(&root).holder(&issue(&root, &params(names)), now()).unwrap();
            assert_eq!(holder.identity, expected);
        }
    }

    #[test]
    fn another_identity_is_refused_with_both_names() {
        let root = root();
        let names = vec![SanType::Rfc822Name("ci@example.com.evil.example".try_into().unwrap())];
        let error = authority(&root).holder(&issue(&root, &params(names)), now()).unwrap_err();
        let CertificateError::Identity { found, expected } = error else { panic!("{error}") };
        assert_eq!(found, "ci@example.com.evil.example");
        assert_eq!(expected, format!("ci@example.com, {CI}"));
        // The subject's common name is not an identity.
        let error = authority(&root).holder(&issue(&root, &params(Vec::new())), now()).unwrap_err();
        assert!(error.to_string().contains("issued to nobody"), "{error}");
    }

    #[test]
    fn a_certificate_of_another_authority_or_purpose_or_time_is_refused() {
        let (root, stranger) = (root(), named_root("theirs"));
        let untrusted = |chain: &Chain, now: UnixTime| match authority(&root).holder(chain, now) {
            Err(CertificateError::Untrusted { source }) => source,
            other => panic!("{other:?}"),
        };
        let error = untrusted(&issue(&stranger, &params(email())), now());
        assert!(matches!(error, webpki::Error::UnknownIssuer), "{error}");
        let mut server = params(email());
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let error = untrusted(&issue(&root, &server), now());
        assert!(matches!(error, webpki::Error::RequiredEkuNotFoundContext(_)), "{error}");
        let mut any = params(email());
        any.extended_key_usages = Vec::new();
        let error = untrusted(&issue(&root, &any), now());
        assert!(matches!(error, webpki::Error::RequiredEkuNotFoundContext(_)), "{error}");
        let mut old = params(email());
        old.not_before = rcgen::date_time_ymd(2020, 1, 1);
        old.not_after = rcgen::date_time_ymd(2020, 1, 2);
        let old = issue(&root, &old);
        let error = untrusted(&old, now());
        assert!(matches!(error, webpki::Error::CertExpired { .. }), "{error}");
        let then = UnixTime::since_unix_epoch(Duration::from_secs(1_577_840_400));
        authority(&root).holder(&old, then).unwrap();
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let one = || vec!["ci@example.com".to_owned()];
        assert!(matches!(Authority::from_pem("", one()).unwrap_err(), AuthorityError::None));
        assert!(matches!(
            Authority::from_pem(&root().pem, Vec::new()).unwrap_err(),
            AuthorityError::Identities
        ));
        let cut_off = "-----BEGIN CERTIFICATE-----\nMIIB";
        assert!(matches!(
            Authority::from_pem(cut_off, one()).unwrap_err(),
            AuthorityError::Pem { number: 1, .. }
        ));
        let empty = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let error = Authority::from_pem(empty, one()).unwrap_err();
        assert!(matches!(error, AuthorityError::Certificate { number: 1, .. }), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let error = Authority::read(&folder.path().join("missing.pem"), one()).unwrap_err();
        assert!(error.to_string().contains("missing.pem"), "{error}");
    }
}
