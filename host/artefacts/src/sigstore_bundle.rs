//! Sigstore bundles, version 0.3: what `cosign sign-blob --bundle` writes, and what `cosign sign` attaches to a manifest.
//!
//! A bundle holds a signature, what it is over, and by what it can be verified: a key that the verifier must have already, or a
//! certificate. Its content is one of two. A message signature is over the bytes of a file. An envelope (DSSE) is over a
//! statement (in-toto), whose subject is a digest: so manifests are signed. Both end in a digest, so one verification does for both.
//!
//! Only documents here: whose keys and certificates count is the verifier's to decide. Entries of transparency logs and timestamps
//! are not read.

use std::collections::BTreeMap;

use netmarks_core::digest::Digest;
use rustls::pki_types::CertificateDer;

use crate::authority::Chain;
use crate::keys::SigningKey;
use crate::signature_error::{SIGNATURE_STATEMENT, SignatureError};
use crate::sigstore_document::{
    CertificateDocument, Document, Envelope, EnvelopeSignature, MaterialDocument, MessageDigest,
    MessageSignature, PublicKey, Statement, Subject,
};

/// The media type, also of the layer and the artefact in a registry.
pub(crate) const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Another way to write the same version.
const BUNDLE_MEDIA_TYPE_WITH_PARAMETER: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";

/// Largest bundle, in bytes: one of a key has 700, one with certificates and the entry of a log 10,000.
pub(crate) const BUNDLE_BYTES: u64 = 64 << 10;

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const STATEMENT_MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// A bundle whose signature was not verified yet.
#[derive(Debug)]
pub(crate) struct Bundle {
    pub(crate) material: Material,
    /// DER.
    pub(crate) signature: Vec<u8>,
    content: Content,
}

/// By what the signature can be verified.
#[derive(Debug)]
pub(crate) enum Material {
    /// A key that the verifier has; the hint that a bundle may give is not needed.
    Key,
    Certificate(Chain),
}

#[derive(Debug)]
enum Content {
    /// The digest that the bundle claims, for the error alone.
    Message {
        claimed: Option<Vec<u8>>,
    },
    Statement {
        payload_type: String,
        payload: Vec<u8>,
    },
}

impl Bundle {
    /// Reads a bundle, and nothing of the statement within: that is for after its signature is verified.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, SignatureError> {
        let document: Document =
            serde_json::from_slice(text).map_err(|source| SignatureError::Bundle { source })?;
        let Document { media_type, verification_material, message_signature, dsse_envelope } = document;
        if ![BUNDLE_MEDIA_TYPE, BUNDLE_MEDIA_TYPE_WITH_PARAMETER].contains(&media_type.as_str()) {
            return Err(SignatureError::BundleVersion { found: media_type });
        }
        let material = verification_material.read()?;
        let (signature, content) = match (message_signature, dsse_envelope) {
            (Some(message), None) => {
                let claimed = message.message_digest.map(|claimed| claimed.digest);
                (message.signature, Content::Message { claimed })
            }
            (None, Some(envelope)) => {
                let Envelope { payload, payload_type, signatures } = envelope;
                let Ok([EnvelopeSignature { sig }]) = <[_; 1]>::try_from(signatures) else {
                    return Err(SignatureError::Content {
                        problem: "an envelope without exactly one signature",
                    });
                };
                (sig, Content::Statement { payload_type, payload })
            }
            (None, None) => return Err(SignatureError::Content { problem: "no signature" }),
            (Some(_), Some(_)) => {
                return Err(SignatureError::Content { problem: "both a message signature and an envelope" });
            }
        };
        Ok(Self { material, signature, content })
    }

    /// The SHA-256 of what the signature must be over, if it is to sign the content with this digest.
    pub(crate) fn message(&self, content: Digest) -> Digest {
        match &self.content {
            Content::Message { .. } => content,
            Content::Statement { payload_type, payload } => {
                Digest::of(&pre_authentication(payload_type, payload))
            }
        }
    }

    /// Checks, once the signature is verified, that it signs the content with this digest.
    pub(crate) fn check_subject(&self, content: Digest) -> Result<(), SignatureError> {
        let Content::Statement { payload_type, payload } = &self.content else {
            // The signature itself was over the digest.
            return Ok(());
        };
        if payload_type != STATEMENT_MEDIA_TYPE {
            return Err(SignatureError::OtherKind { kind: payload_type.clone() });
        }
        let statement: Statement =
            serde_json::from_slice(payload).map_err(|source| SignatureError::Document { source })?;
        // Whoever attests that a scan failed, or how something was built, has not signed it.
        for (kind, expected) in
            [(&statement.predicate_type, SIGNATURE_STATEMENT), (&statement.kind, STATEMENT_TYPE)]
        {
            if kind != expected {
                return Err(SignatureError::OtherKind { kind: kind.clone() });
            }
        }
        let signed = |subject: &Subject| subject.digest.get("sha256").cloned().unwrap_or_default();
        let hex = content.hex();
        if statement.subject.iter().any(|subject| signed(subject) == hex) {
            return Ok(());
        }
        let signed: Vec<String> = statement.subject.iter().take(4).map(signed).collect();
        Err(SignatureError::OtherDigest {
            signed: format!("sha256:{}", signed.join(", sha256:")),
            actual: content,
        })
    }

    /// What the bundle says it signs, if that is another content than this one. Nobody signed that claim, so it only explains.
    pub(crate) fn claims_other_than(&self, content: Digest) -> Option<String> {
        match &self.content {
            Content::Message { claimed: Some(claimed) } if claimed != content.as_bytes() => Some(format!(
                "sha256:{}",
                claimed.iter().take(32).map(|byte| format!("{byte:02x}")).collect::<String>()
            )),
            _ => None,
        }
    }
}

impl MaterialDocument {
    fn read(self) -> Result<Material, SignatureError> {
        let chain = |certificates: Vec<CertificateDocument>| {
            let mut ders =
                certificates.into_iter().map(|certificate| CertificateDer::from(certificate.raw_bytes));
            let leaf =
                ders.next().ok_or(SignatureError::Content { problem: "an empty chain of certificates" })?;
            Ok(Material::Certificate(Chain { leaf, intermediates: ders.collect() }))
        };
        match self {
            Self { public_key: Some(_), certificate: None, x509_certificate_chain: None } => {
                Ok(Material::Key)
            }
            Self { public_key: None, certificate: Some(leaf), x509_certificate_chain: None } => {
                chain(vec![leaf])
            }
            Self { public_key: None, certificate: None, x509_certificate_chain: Some(all) } => {
                chain(all.certificates)
            }
            _ => Err(SignatureError::Content { problem: "not exactly one of a key and a certificate" }),
        }
    }
}

/// Signs `bytes` as `cosign sign-blob --bundle` does, and returns the bundle. The same bytes give the same bundle.
///
/// # Errors
/// Never in practice: the document is made of texts.
pub fn sign_blob(key: &SigningKey, bytes: &[u8]) -> Result<String, serde_json::Error> {
    let digest = Digest::of(bytes).as_bytes().to_vec();
    let message = MessageSignature {
        message_digest: Some(MessageDigest { algorithm: "SHA2_256".to_owned(), digest }),
        signature: key.sign(bytes),
    };
    document(key, Some(message), None)
}

/// Signs a manifest as `cosign sign` does, and returns the bundle.
///
/// # Errors
/// Never in practice: the document is made of texts.
pub(crate) fn sign_manifest(key: &SigningKey, manifest: Digest) -> Result<String, serde_json::Error> {
    let payload = serde_json::to_vec(&Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { digest: BTreeMap::from([("sha256".to_owned(), manifest.hex())]) }],
        predicate_type: SIGNATURE_STATEMENT.to_owned(),
        predicate: serde_json::json!({}),
    })?;
    let sig = key.sign(&pre_authentication(STATEMENT_MEDIA_TYPE, &payload));
    let envelope = Envelope {
        payload,
        payload_type: STATEMENT_MEDIA_TYPE.to_owned(),
        signatures: vec![EnvelopeSignature { sig }],
    };
    document(key, None, Some(envelope))
}

fn document(
    key: &SigningKey,
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<Envelope>,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Document {
        media_type: BUNDLE_MEDIA_TYPE.to_owned(),
        verification_material: MaterialDocument {
            public_key: Some(PublicKey { hint: key.hint().to_owned() }),
            ..MaterialDocument::default()
        },
        message_signature,
        dsse_envelope,
    })
}

/// What an envelope's signature is over (DSSE's PAE): type and payload, each after its length, so that none can pass for the other.
fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(change: impl FnOnce(&mut serde_json::Value)) -> Result<Bundle, SignatureError> {
        let mut document = json!({
            "mediaType": BUNDLE_MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": "x"}},
            "messageSignature": {"signature": "AAAA"}
        });
        change(&mut document);
        Bundle::parse(document.to_string().as_bytes())
    }

    #[test]
    fn the_message_of_an_envelope_is_that_of_the_specification() {
        // From https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#test-vectors
        assert_eq!(
            pre_authentication("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn other_versions_are_named() {
        parse(|_| {}).unwrap();
        parse(|bundle| bundle["mediaType"] = json!(BUNDLE_MEDIA_TYPE_WITH_PARAMETER)).unwrap();
        let error = parse(|bundle| {
            bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
        });
        assert!(error.unwrap_err().to_string().contains("version=0.1"));
    }

    mod hostile {
        use super::*;

        #[test]
        fn a_bundle_holds_one_signature_by_one_signer() {
            let envelope = |signatures: serde_json::Value| json!({"payload": "e30=", "payloadType": "text/plain", "signatures": signatures});
            let cases: [(&str, serde_json::Value, serde_json::Value); 6] = [
                ("no signature", json!({"publicKey": {}}), json!({})),
                (
                    "both",
                    json!({"publicKey": {}}),
                    json!({"messageSignature": {"signature": ""}, "dsseEnvelope": envelope(json!([{"sig": ""}]))}),
                ),
                (
                    "exactly one signature",
                    json!({"publicKey": {}}),
                    json!({"dsseEnvelope": envelope(json!([]))}),
                ),
                (
                    "exactly one signature",
                    json!({"publicKey": {}}),
                    json!({"dsseEnvelope": envelope(json!([{"sig": ""}, {"sig": ""}]))}),
                ),
                (
                    "exactly one of a key and a certificate",
                    json!({"publicKey": {}, "certificate": {"rawBytes": ""}}),
                    json!({"messageSignature": {"signature": ""}}),
                ),
                (
                    "empty chain",
                    json!({"x509CertificateChain": {"certificates": []}}),
                    json!({"messageSignature": {"signature": ""}}),
                ),
            ];
            for (expected, material, content) in cases {
                let mut document = content;
                document["mediaType"] = json!(BUNDLE_MEDIA_TYPE);
                document["verificationMaterial"] = material;
                let error = Bundle::parse(document.to_string().as_bytes()).unwrap_err();
                assert!(error.to_string().contains(expected), "{error}");
            }
        }

        #[test]
        fn what_is_no_bundle_is_an_error() {
            for text in ["", "{", "[]", "{}", r#"{"mediaType": 1}"#, "\u{0}"] {
                assert!(
                    matches!(Bundle::parse(text.as_bytes()), Err(SignatureError::Bundle { .. })),
                    "{text}"
                );
            }
            let error =
                parse(|bundle| bundle["messageSignature"]["signature"] = json!("not base64!")).unwrap_err();
            assert!(matches!(error, SignatureError::Bundle { .. }), "{error}");
        }
    }
}
