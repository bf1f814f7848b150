//! What the real cosign signed, and what it accepted of ours: see `data/README.md` for how the files are renewed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::support::dump::{Dump, DumpedManifest, restore};
use crate::support::plain_client::PlainClient;
use crate::support::{Options, Registry, key_pair, trusting};
use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use netmarks_artefacts::{
    Authority, Digest, FetchConfig, FetchError, Fetched, Fetcher, Keys, LegacySignatures, Reason,
    SignatureError, SigningKey, Verifier, sign_blob,
};

const POLICY: &[u8] = b"a policy";
const KEY: &str = include_str!("data/cosign/key.pub");
const PRIVATE_KEY: &str = include_str!("data/cosign/key.pem");
const AUTHORITY: &str = include_str!("data/cosign/authority.pem");

/// `cosign sign-blob`, of cosign 3.
const WITH_KEY: &str = include_str!("data/cosign/key.sigstore.json");
const WITH_CERTIFICATE: &str = include_str!("data/cosign/certificate.sigstore.json");
const ATTESTATION: &str = include_str!("data/cosign/attestation.sigstore.json");
/// `cosign sign-blob --new-bundle-format=false`.
const LEGACY_BUNDLE: &str = include_str!("data/cosign/legacy.json");
const LEGACY_SIGNATURE: &str = include_str!("data/cosign/legacy.sig");
/// `netmarks policy push --folder --key`, verified by cosign.
const OURS: &str = include_str!("data/cosign/ours.sigstore.json");

fn key() -> Keys {
    Keys::from_pem(KEY).unwrap()
}

fn by_key(legacy: LegacySignatures) -> Verifier {
    trusting(key(), legacy).unwrap()
}

fn by_certificate(identity: &str) -> Verifier {
    let authority = Authority::from_pem(AUTHORITY, vec![identity.to_owned()]).unwrap();
    Verifier::new(None, vec![authority], LegacySignatures::Refused).unwrap()
}

fn verify(verifier: &Verifier, signature: &str) -> Result<String, SignatureError> {
    verifier.verify(Digest::of(POLICY), signature)
}

#[test]
fn a_bundle_of_a_key_holds_for_what_was_signed() {
    let verifier = by_key(LegacySignatures::Refused);
    let id = key().ids().next().unwrap().to_owned();
    assert_eq!(verify(&verifier, WITH_KEY).unwrap(), id);
    let error = verifier.verify(Digest::of(b"another"), WITH_KEY).unwrap_err();
    assert!(matches!(error, SignatureError::OtherDigest { .. }), "{error}");
    let error = verify(&trusting(key_pair().0, LegacySignatures::Refused).unwrap(), WITH_KEY).unwrap_err();
    assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
    let error = verify(&by_certificate("ci@example.com"), WITH_KEY).unwrap_err();
    assert!(matches!(error, SignatureError::NoKeysTrusted), "{error}");
}

#[test]
fn a_bundle_of_a_certificate_holds_for_the_listed_identity() {
    assert_eq!(verify(&by_certificate("ci@example.com"), WITH_CERTIFICATE).unwrap(), "ci@example.com");
    let error = verify(&by_certificate("someone@example.com"), WITH_CERTIFICATE).unwrap_err();
    assert!(matches!(error, SignatureError::Certificate { .. }), "{error}");
    let error =
        by_certificate("ci@example.com").verify(Digest::of(b"another"), WITH_CERTIFICATE).unwrap_err();
    assert!(matches!(error, SignatureError::OtherDigest { .. }), "{error}");
    let error = verify(&by_key(LegacySignatures::Accepted), WITH_CERTIFICATE).unwrap_err();
    assert!(matches!(error, SignatureError::NoAuthorityTrusted), "{error}");
}

#[test]
fn legacy_signatures_hold_only_where_they_are_accepted() {
    for legacy in [LEGACY_BUNDLE, LEGACY_SIGNATURE] {
        verify(&by_key(LegacySignatures::Accepted), legacy).unwrap();
        let error = by_key(LegacySignatures::Accepted).verify(Digest::of(b"another"), legacy).unwrap_err();
        assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
        let error = verify(&by_key(LegacySignatures::Refused), legacy).unwrap_err();
        assert!(matches!(error, SignatureError::Legacy { .. }), "{error}");
        assert!(error.to_string().contains("policies.legacy_signatures"), "{error}");
    }
}

#[test]
fn what_we_sign_is_what_cosign_verified() {
    let key = SigningKey::from_pem(PRIVATE_KEY).unwrap();
    assert_eq!(sign_blob(&key, POLICY).unwrap(), OURS);
    verify(&by_key(LegacySignatures::Refused), OURS).unwrap();
}

async fn fetch(registry: &Registry, repository: &str, verifier: Verifier) -> Result<Fetched, FetchError> {
    let fetcher = Fetcher::new(FetchConfig { verifier: Some(verifier), ..FetchConfig::default() });
    fetcher.fetch(&registry.reference(&format!("{repository}:v1"))).await
}

fn signature_error(error: FetchError) -> SignatureError {
    match *error.source {
        Reason::Signature { source } => source,
        other => panic!("not about the signature: {other}"),
    }
}

#[tokio::test]
async fn manifests_that_cosign_signed_are_pulled() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    restore(&registry, "signed", include_str!("data/cosign/signed.registry.json")).await?;
    restore(&registry, "certified", include_str!("data/cosign/certified.registry.json")).await?;
    let signed = fetch(&registry, "signed", by_key(LegacySignatures::Refused)).await?;
    assert_eq!((signed.bytes.as_slice(), signed.signed_by.as_deref()), (POLICY, key().ids().next()));
    let certified = fetch(&registry, "certified", by_certificate("ci@example.com")).await?;
    assert_eq!(
        (certified.bytes.as_slice(), certified.signed_by.as_deref()),
        (POLICY, Some("ci@example.com"))
    );
    let error = fetch(&registry, "certified", by_certificate("someone@example.com")).await.unwrap_err();
    assert!(matches!(signature_error(error), SignatureError::Certificate { .. }));
    Ok(())
}

#[tokio::test]
async fn manifests_with_a_legacy_signature_are_pulled_only_where_it_is_accepted() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    restore(&registry, "legacy", include_str!("data/cosign/legacy.registry.json")).await?;
    let fetched = fetch(&registry, "legacy", by_key(LegacySignatures::Accepted)).await?;
    assert_eq!(fetched.signed_by.as_deref(), key().ids().next());
    let error = fetch(&registry, "legacy", by_key(LegacySignatures::Refused)).await.unwrap_err();
    assert_eq!(error.step, netmarks_artefacts::Step::Verify);
    let SignatureError::Legacy { what, .. } = signature_error(error) else { panic!() };
    assert!(what.ends_with(".sig"), "{what}");
    Ok(())
}

#[tokio::test]
async fn what_we_attach_to_a_manifest_is_what_cosign_verified() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let verified = include_str!("data/cosign/ours.registry.json");
    restore(&registry, "ours", verified).await?;
    fetch(&registry, "ours", by_key(LegacySignatures::Refused)).await?;
    // Signed once more, in another repository, it gives the same documents to the byte.
    let dump: Dump = serde_json::from_str(verified)?;
    let again = registry.reference("again:v1");
    let fetcher = Fetcher::new(FetchConfig::default());
    let about = crate::support::named("a-policy.wasm");
    let pushed = fetcher.push(&again, POLICY.to_vec(), &about).await?;
    fetcher.sign(&again, &SigningKey::from_pem(PRIVATE_KEY)?).await?;
    let client = PlainClient::new(&registry, "again")?;
    for DumpedManifest { name, text, .. } in dump.manifests {
        assert_eq!(client.manifest(&name).await?.1, text, "{name}");
    }
    assert_eq!(client.manifest("v1").await?.1, client.manifest(&pushed.manifest.to_string()).await?.1);
    Ok(())
}

mod hostile {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_attestation_is_not_a_signature() {
        let error = verify(&by_key(LegacySignatures::Accepted), ATTESTATION).unwrap_err();
        let SignatureError::OtherKind { kind } = error else { panic!("{error}") };
        assert_eq!(kind, "https://cosign.sigstore.dev/attestation/vuln/v1");
    }

    #[tokio::test]
    async fn a_manifest_with_attestations_alone_is_not_signed() -> Result<()> {
        let registry = Registry::start(Options::default()).await?;
        restore(&registry, "attested", include_str!("data/cosign/attested.registry.json")).await?;
        let error = fetch(&registry, "attested", by_key(LegacySignatures::Refused)).await.unwrap_err();
        assert!(matches!(signature_error(error), SignatureError::OtherKind { .. }));
        Ok(())
    }

    /// The bypass of cosign before 3.1: a legacy bundle whose certificate is a bare public key, which then counted as trusted.
    #[test]
    fn the_key_in_a_bundle_is_never_trusted() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let stranger = SigningKey::from_pem(&pair.serialize_pem()).unwrap();
        let signed: Value = serde_json::from_str(&sign_blob(&stranger, POLICY).unwrap()).unwrap();
        let signature = signed["messageSignature"]["signature"].clone();
        let legacy =
            json!({"base64Signature": signature, "cert": STANDARD.encode(pair.public_key_pem())}).to_string();
        let error = verify(&by_key(LegacySignatures::Accepted), &legacy).unwrap_err();
        assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
        let error = verify(&by_certificate("ci@example.com"), &legacy).unwrap_err();
        assert!(matches!(error, SignatureError::Legacy { .. }), "{error}");
        // The same in a bundle of version 0.3: a public key where the certificate belongs.
        let mut bundle = signed;
        bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": STANDARD.encode(rcgen::PublicKeyData::subject_public_key_info(&pair))}});
        let error = verify(&by_certificate("ci@example.com"), &bundle.to_string()).unwrap_err();
        assert!(matches!(error, SignatureError::Certificate { .. }), "{error}");
    }

    #[test]
    fn a_certificate_does_not_vouch_for_a_signature_of_another_key() {
        let mut bundle: Value = serde_json::from_str(WITH_CERTIFICATE).unwrap();
        let other: Value = serde_json::from_str(WITH_KEY).unwrap();
        bundle["messageSignature"] = other["messageSignature"].clone();
        let error = verify(&by_certificate("ci@example.com"), &bundle.to_string()).unwrap_err();
        assert!(matches!(error, SignatureError::NotByCertificate), "{error}");
    }

    #[test]
    fn what_is_no_signature_or_too_large_is_refused() {
        let verifier = by_key(LegacySignatures::Accepted);
        let long = format!("{{{}", " ".repeat(65 << 10));
        for (text, expected) in [
            ("", "not a signature"),
            ("nonsense!", "not a signature"),
            ("{", "not a Sigstore"),
            (&long, "more than"),
        ] {
            let error = verify(&verifier, text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
