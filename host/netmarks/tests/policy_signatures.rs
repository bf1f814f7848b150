//! Signatures by certificates, and in the forms of cosign before 3, in a running program.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use netmarks_artefacts::{SigningKey, sign_blob};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::admin::{Administered, bytes, component};
use crate::support::binary::{Server, failure, netmarks, success};

/// A certificate authority of somebody's own.
struct Root {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Root {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A bundle over `bytes` as cosign makes it with a certificate for `email`.
    fn sign(&self, email: &str, bytes: &[u8]) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::Rfc822Name(email.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut bundle: Value = serde_json::from_str(&sign(&key, bytes)).unwrap();
        bundle["verificationMaterial"] =
            json!({"certificate": {"rawBytes": STANDARD.encode(certificate.der())}});
        bundle.to_string()
    }
}

fn sign(key: &KeyPair, bytes: &[u8]) -> String {
    sign_blob(&SigningKey::from_pem(&key.serialize_pem()).unwrap(), bytes).unwrap()
}

/// The signature alone, as `cosign sign-blob` printed it before 3.
fn legacy(bundle: &str) -> String {
    let bundle: Value = serde_json::from_str(bundle).unwrap();
    bundle["messageSignature"]["signature"].as_str().unwrap().to_owned()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_with_a_trusted_key_takes_what_it_signed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let public = write(folder.path(), "policy.pub", &key.public_key_pem());
    let private = write(folder.path(), "policy.key", &key.serialize_pem());
    let demo = Server::demo(&["--trusted-key", &public]).await.unwrap();
    let (file, page) = (component("spread").display().to_string(), demo.page().unwrap());
    let push = ["policy", "push", &file, "--server", &page];
    let unsigned = failure(&netmarks(&push).unwrap()).unwrap();
    assert!(unsigned.contains("signature"), "{unsigned}");
    let signed = success(&netmarks(&[&push[..], &["--key", &private]].concat()).unwrap()).unwrap();
    assert!(signed.contains("signed by"), "{signed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_trusted_authority_signs_for_its_identity() {
    let folder = tempfile::tempdir().unwrap();
    let (root, stranger) = (Root::new(), Root::new());
    let authority = write(folder.path(), "authority.pem", &root.pem);
    let spread = bytes("spread").unwrap();
    let signature =
        |name: &str, root: &Root, email: &str| write(folder.path(), name, &root.sign(email, &spread));
    let good = signature("good.sigstore.json", &root, "ci@example.com");
    let other_identity = signature("identity.sigstore.json", &root, "someone@example.com");
    let other_authority = signature("authority.sigstore.json", &stranger, "ci@example.com");
    let running = Administered::start(folder, |config| {
        config["policies"]["trusted_authorities"] =
            json!([{"ca_file": authority, "identities": ["ci@example.com"]}]);
    })
    .await
    .unwrap();

    let file = component("spread").display().to_string();
    assert!(running.fails(&["push", &file]).unwrap().contains("must be signed"));
    let refused = running.fails(&["push", &file, "--signature", &other_identity]).unwrap();
    assert!(refused.contains("someone@example.com") && refused.contains("ci@example.com"), "{refused}");
    let refused = running.fails(&["push", &file, "--signature", &other_authority]).unwrap();
    assert!(refused.contains("certificate"), "{refused}");
    let pushed = ["push", &file, "--signature", &good, "--mode", "ready", "--deadline-ms", "10000"];
    assert_eq!(running.json(&pushed).unwrap()["entry"]["signature"]["signed_by"], "ci@example.com");
    assert!(running.says(&pushed).unwrap().contains("\nsigned by ci@example.com\n"));
    assert_eq!(running.list().await.unwrap(), ["netmarks active", "spread ready"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_signature_is_accepted_where_the_configuration_says_so() {
    let pair = KeyPair::generate().unwrap();
    let spread = bytes("spread").unwrap();
    let signature = legacy(&sign(&pair, &spread));
    for accepted in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let public = write(folder.path(), "key.pub", &pair.public_key_pem());
        let running = Administered::start(folder, |config| {
            config["policies"]["trusted_keys"] = json!([public]);
            config["policies"]["legacy_signatures"] = json!(accepted);
        })
        .await
        .unwrap();
        let request = running.call(Method::PUT, "/v1/policies/s?mode=ready&limits.deadline_ms=10000");
        let request = request.body(spread.clone()).header("netmarks-signature", &signature);
        let answer = running.send(request).await.unwrap();
        if accepted {
            assert_eq!(answer.ok().unwrap()["changed"], true);
        } else {
            let reason = answer.refused(403).unwrap();
            assert!(reason.contains("policies.legacy_signatures"), "{reason}");
        }
    }
}
