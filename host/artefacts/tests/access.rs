//! Passwords and certificates of the registry that people run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use anyhow::Result;
use netmarks_artefacts::{Credentials, FetchConfig, Fetcher, LegacySignatures, Reference, Step};

use crate::support::{COMPONENT, Options, Registry, anonymous, chain, key_pair, nothing, trusting};
use netmarks_test_cluster::Authority;

#[tokio::test]
async fn a_password_is_asked_for_and_taken_from_docker_config() -> Result<()> {
    let registry = Registry::start(Options { password: true, ..Options::default() }).await?;
    let tag = registry.reference("zone:v1");
    // `printf user:hunter2 | base64`, and with another password.
    let config = |auth: &str| format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.address());
    let (right, wrong) = (config("dXNlcjpodW50ZXIy"), config("dXNlcjp3cm9uZw=="));
    let with = |credentials| Fetcher::new(FetchConfig { credentials, ..FetchConfig::default() });
    let pusher = with(Credentials::Config(right.clone().into_bytes()));
    let pushed = pusher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("config.json");
    std::fs::write(&file, &wrong)?;
    let from_file = with(Credentials::File(file.clone()));
    for fetcher in [&anonymous(), &from_file] {
        for error in [
            fetcher.fetch(&tag).await.unwrap_err(),
            fetcher.resolve(&tag).await.unwrap_err(),
            fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await.unwrap_err(),
        ] {
            let error = chain(error);
            assert!(error.contains("401") && !error.contains("hunter2"), "{error}");
        }
    }
    // A rotated secret is used at once.
    std::fs::write(&file, &right)?;
    assert_eq!(from_file.fetch(&tag).await?.bytes, COMPONENT);
    assert_eq!(from_file.resolve(&tag).await?, pushed.manifest);
    let (keys, key) = key_pair();
    from_file.sign(&tag, &key).await?;
    let verifying = Fetcher::new(FetchConfig {
        verifier: trusting(keys, LegacySignatures::Refused),
        ..from_file.config().clone()
    });
    assert_eq!(verifying.fetch(&tag).await?.bytes, COMPONENT);

    std::fs::remove_file(&file)?;
    let error = from_file.fetch(&tag).await.unwrap_err();
    assert_eq!(error.step, Step::Connect);
    assert!(chain(error).contains("config.json"));
    Ok(())
}

#[tokio::test]
async fn a_private_authority_is_trusted_if_it_is_named() -> Result<()> {
    let (authority, stranger) = (Authority::new("ours")?, Authority::new("theirs")?);
    let registry = Registry::start(Options { tls: Some(&authority), ..Options::default() }).await?;
    let tag = registry.reference("zone:v1");
    let folder = tempfile::tempdir()?;
    let ca_file = folder.path().join("ca.crt");
    let trusting = Fetcher::new(FetchConfig { ca_file: Some(ca_file.clone()), ..FetchConfig::default() });

    // Loopback may be spoken to without TLS, but this one speaks it: the certificate is what is complained about.
    std::fs::write(&ca_file, stranger.pem())?;
    for fetcher in [&anonymous(), &trusting] {
        let error = chain(fetcher.fetch(&tag).await.unwrap_err());
        assert!(error.contains("certificate"), "{error}");
    }
    // Two in one file, for rotation; the file is read again.
    std::fs::write(&ca_file, [stranger.pem(), authority.pem()].concat())?;
    trusting.push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    assert_eq!(trusting.fetch(&tag).await?.bytes, COMPONENT);

    std::fs::write(&ca_file, "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")?;
    let error = chain(trusting.fetch(&tag).await.unwrap_err());
    assert!(error.contains("must be PEM"), "{error}");
    Ok(())
}

#[test]
fn settings_do_not_show_secrets() {
    let credentials = Credentials::Config(b"hunter2".to_vec());
    let verifier = trusting(key_pair().0, LegacySignatures::Refused);
    let config = FetchConfig { credentials, verifier, ..FetchConfig::default() };
    assert!(!format!("{:?}", Fetcher::new(config)).contains("hunter2"));
    assert!(matches!("/zone.wasm".parse(), Ok(Reference::File(_))));
}
