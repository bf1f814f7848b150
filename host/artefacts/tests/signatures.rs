//! Signatures in the registry that people run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use netmarks_artefacts::{Digest, FetchError, Reason, SignatureError, Step};
use serde_json::{Value, json};

use crate::support::plain_client::{IMAGE, INDEX, PlainClient};
use crate::support::{COMPONENT, Options, Registry, chain, key_pair, nothing, requiring};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn signature_error(error: &FetchError) -> &SignatureError {
    match &*error.source {
        Reason::Signature { source } => source,
        other => panic!("not about the signature: {other}"),
    }
}

/// Where a registry without the referrers API has the list of what is attached to a manifest.
fn referrers_tag(manifest: Digest) -> String {
    format!("sha256-{}", manifest.hex())
}

#[tokio::test]
async fn with_keys_only_what_one_of_them_signed_is_handed_over() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let ((keys, key), (stranger_keys, stranger)) = (key_pair(), key_pair());
    let (fetcher, tag) = (requiring(keys.clone()), registry.reference("zone:v1"));
    let pushed = fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;

    let unsigned = fetcher.fetch(&tag).await.unwrap_err();
    assert_eq!(unsigned.step, Step::Verify);
    assert!(matches!(signature_error(&unsigned), SignatureError::Missing { .. }), "{unsigned:?}");
    let command = format!("cosign sign --key cosign.key {}", pushed.resolved);
    assert!(chain(unsigned).contains(&command));

    assert_eq!(fetcher.sign(&tag, &stranger).await?, pushed.manifest);
    let strange = fetcher.fetch(&tag).await.unwrap_err();
    assert!(matches!(signature_error(&strange), SignatureError::NoKey { .. }), "{strange:?}");

    // A second signature beside the first; signed once more, nothing is added.
    fetcher.sign(&crate::support::reference(&pushed.resolved), &key).await?;
    fetcher.sign(&tag, &key).await?;
    let fetched = fetcher.fetch(&tag).await?;
    assert_eq!((fetched.bytes.as_slice(), fetched.signed_by.as_deref()), (COMPONENT, keys.ids().next()));
    assert_eq!(requiring(stranger_keys).fetch(&tag).await?.bytes, COMPONENT);
    let client = PlainClient::new(&registry, "zone")?;
    let (_, text) = client.manifest(&referrers_tag(pushed.manifest)).await?;
    let list: Value = serde_json::from_str(&text)?;
    let attached = list["manifests"].as_array().unwrap();
    assert_eq!(attached.len(), 2);
    for entry in attached {
        assert_eq!(entry["artifactType"], BUNDLE);
        let (_, text) = client.manifest(entry["digest"].as_str().unwrap()).await?;
        let manifest: Value = serde_json::from_str(&text)?;
        assert_eq!(
            (&manifest["artifactType"], &manifest["layers"][0]["mediaType"]),
            (&json!(BUNDLE), &json!(BUNDLE))
        );
        assert_eq!(manifest["subject"]["digest"], json!(pushed.manifest));
    }
    Ok(())
}

#[tokio::test]
async fn a_signature_of_something_else_is_refused() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let (keys, key) = key_pair();
    let fetcher = requiring(keys);
    let (good, bad) = (registry.reference("zone:good"), registry.reference("zone:bad"));
    let signed = fetcher.push(&good, COMPONENT.to_vec(), &nothing()).await?;
    fetcher.sign(&good, &key).await?;
    let unsigned = fetcher.push(&bad, b"not what was signed".to_vec(), &nothing()).await?;

    // The registry's owner copies the signature of one to the other.
    let client = PlainClient::new(&registry, "zone")?;
    let (_, list) = client.manifest(&referrers_tag(signed.manifest)).await?;
    client.put_manifest(&referrers_tag(unsigned.manifest), INDEX, &list).await?;
    let error = fetcher.fetch(&bad).await.unwrap_err();
    let SignatureError::OtherDigest { signed: of, actual } = signature_error(&error) else {
        panic!("{error:?}")
    };
    assert_eq!((of.as_str(), *actual), (signed.manifest.to_string().as_str(), unsigned.manifest));

    // Or alters the statement of the right one, so that it names the other.
    let bundle = signed_statement(&client, &list).await?;
    let altered = bundle.statement.replace(&signed.manifest.hex(), &unsigned.manifest.hex());
    bundle.put(&client, &referrers_tag(unsigned.manifest), &altered).await?;
    let error = fetcher.fetch(&bad).await.unwrap_err();
    let wrong = signature_error(&error);
    assert!(matches!(wrong, SignatureError::NoKey { .. }), "{wrong}");

    // Put back, it is as before.
    assert_eq!(fetcher.fetch(&good).await?.bytes, COMPONENT);
    Ok(())
}

/// The bundle that is attached first, taken apart.
struct Signed {
    attached: Value,
    bundle: Value,
    statement: String,
}

async fn signed_statement(client: &PlainClient, list: &str) -> Result<Signed> {
    let list: Value = serde_json::from_str(list)?;
    let (_, attached) = client.manifest(list["manifests"][0]["digest"].as_str().unwrap()).await?;
    let attached: Value = serde_json::from_str(&attached)?;
    let bundle: Value = serde_json::from_slice(&client.blob(&attached["layers"][0]).await?)?;
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let statement = String::from_utf8(STANDARD.decode(payload)?)?;
    Ok(Signed { attached, bundle, statement })
}

impl Signed {
    /// Attaches the bundle with another statement, and the signature as it was.
    async fn put(mut self, client: &PlainClient, tag: &str, statement: &str) -> Result<()> {
        self.bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(statement));
        self.attached["layers"] = json!([client.upload(BUNDLE, self.bundle.to_string().as_bytes()).await?]);
        let attached = self.attached.to_string();
        let digest = Digest::of(attached.as_bytes());
        client.put_manifest(&digest.to_string(), IMAGE, &attached).await?;
        let entry =
            json!({"mediaType": IMAGE, "digest": digest, "size": attached.len(), "artifactType": BUNDLE});
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
        client.put_manifest(tag, INDEX, &list).await
    }
}
