//! Signatures in the registry that people run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use anyhow::Result;
use netmarks_artefacts::{Digest, FetchError, Reason, SignatureError, Step};
use serde_json::Value;

use crate::support::plain_client::PlainClient;
use crate::support::{COMPONENT, Options, Registry, chain, key_pair, nothing, requiring};

fn signature_error(error: &FetchError) -> &SignatureError {
    match &*error.source {
        Reason::Signature { source } => source,
        other => panic!("not about the signature: {other}"),
    }
}

/// Where cosign keeps the signatures of a manifest.
fn signature_tag(manifest: Digest) -> String {
    format!("sha256-{}.sig", manifest.hex())
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
    assert!(
        chain(unsigned)
            .contains(&format!("cosign sign --key cosign.key --tlog-upload=false {}", pushed.resolved))
    );

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
    let (_, text) = client.manifest(&signature_tag(pushed.manifest)).await?;
    let manifest: Value = serde_json::from_str(&text)?;
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    for layer in layers {
        assert_eq!(layer["mediaType"], "application/vnd.dev.cosign.simplesigning.v1+json");
        assert!(layer["annotations"]["dev.cosignproject.cosign/signature"].is_string(), "{layer}");
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
    let (_, text) = client.manifest(&signature_tag(signed.manifest)).await?;
    client.put_manifest(&signature_tag(unsigned.manifest), &text).await?;
    let error = fetcher.fetch(&bad).await.unwrap_err();
    let SignatureError::OtherDigest { signed: of, actual } = signature_error(&error) else {
        panic!("{error:?}")
    };
    assert_eq!((of.as_str(), *actual), (signed.manifest.to_string().as_str(), unsigned.manifest));

    // Or alters the signature of the right one.
    let start = text.find("cosign/signature\":\"").unwrap() + 30;
    let letter = if &text[start..=start] == "A" { "B" } else { "A" };
    let altered = format!("{}{letter}{}", &text[..start], &text[start + 1..]);
    client.put_manifest(&signature_tag(signed.manifest), &altered).await?;
    let error = fetcher.fetch(&good).await.unwrap_err();
    let wrong = signature_error(&error);
    assert!(matches!(wrong, SignatureError::NoKey { .. } | SignatureError::Malformed), "{wrong}");
    Ok(())
}
