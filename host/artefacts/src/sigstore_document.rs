//! The JSON documents of Sigstore bundles 0.3, field by field, as its protobuf messages are written: a bundle, the envelope in it (DSSE), the
//! statement in that (in-toto). Only what is read or written here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    pub(crate) media_type: String,
    pub(crate) verification_material: MaterialDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_signature: Option<MessageSignature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dsse_envelope: Option<Envelope>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MaterialDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<PublicKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<CertificateDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x509_certificate_chain: Option<ChainDocument>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct PublicKey {
    #[serde(default)]
    pub(crate) hint: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateDocument {
    #[serde(with = "base64_text")]
    pub(crate) raw_bytes: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct ChainDocument {
    pub(crate) certificates: Vec<CertificateDocument>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageSignature {
    #[serde(default)]
    pub(crate) message_digest: Option<MessageDigest>,
    #[serde(with = "base64_text")]
    pub(crate) signature: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct MessageDigest {
    pub(crate) algorithm: String,
    #[serde(with = "base64_text")]
    pub(crate) digest: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    #[serde(with = "base64_text")]
    pub(crate) payload: Vec<u8>,
    pub(crate) payload_type: String,
    pub(crate) signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct EnvelopeSignature {
    #[serde(with = "base64_text")]
    pub(crate) sig: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    pub(crate) kind: String,
    pub(crate) subject: Vec<Subject>,
    pub(crate) predicate_type: String,
    #[serde(default)]
    pub(crate) predicate: serde_json::Value,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Subject {
    pub(crate) digest: BTreeMap<String, String>,
}

/// Bytes as base64 in JSON.
mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
