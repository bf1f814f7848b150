//! Certificates that change, and files that cannot be used.

use std::sync::Arc;

use netmarks_files::INTERVAL;

use super::*;

/// A certificate and its key, PEM.
fn issue() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn install(folder: &Path) -> Tls {
    let (certificate, key) = issue();
    let files = [folder.join("tls.crt"), folder.join("tls.key")];
    std::fs::write(&files[0], certificate).unwrap();
    std::fs::write(&files[1], key).unwrap();
    let [cert_file, key_file] = files.map(Some);
    Tls { cert_file, key_file, client_ca_file: None }
}

/// As a writer should: under another name first, and then by one rename.
fn replace(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, content)?;
    std::fs::rename(next, path)
}

/// The clock stands still except where everybody waits, so this takes as many seconds as it says, but no time.
#[tokio::test(start_paused = true)]
async fn a_certificate_that_cannot_be_used_leaves_the_old_one() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let files = install(folder.path());
    let certificates = Certificates::load("server", files.clone()).unwrap().unwrap();
    let stop = CancellationToken::new();
    let reload = tokio::spawn({
        let (certificates, stop) = (certificates.clone(), stop.clone());
        async move { certificates.reload(&stop).await }
    });
    let first = certificates.current();
    let (certificate, key) = (files.cert_file.unwrap(), files.key_file.unwrap());
    let looked_again = async || tokio::time::sleep(INTERVAL * 3).await;

    let good = std::fs::read(&certificate).unwrap();
    for bad in ["garbage", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        replace(&certificate, bad).unwrap();
        looked_again().await;
        assert!(Arc::ptr_eq(&certificates.current(), &first), "{bad:?}");
    }
    // A certificate that changed before its key did: they do not fit each other for a while.
    let (next_certificate, next_key) = issue();
    replace(&certificate, next_certificate).unwrap();
    looked_again().await;
    assert!(Arc::ptr_eq(&certificates.current(), &first));
    replace(&key, next_key).unwrap();
    looked_again().await;
    let second = certificates.current();
    assert!(!Arc::ptr_eq(&second, &first));
    // A file that is gone.
    std::fs::remove_file(&certificate).unwrap();
    looked_again().await;
    replace(&certificate, good).unwrap();
    looked_again().await;
    assert!(Arc::ptr_eq(&certificates.current(), &second));
    assert!(!reload.is_finished());
    stop.cancel();
    reload.await.unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let good = install(folder.path());
    let other = folder.path().join("other.key");
    std::fs::write(&other, issue().1).unwrap();
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "").unwrap();
    let missing = folder.path().join("missing.crt");
    for (files, says) in [
        (
            Tls { key_file: None, ..good.clone() },
            "needs both `server.tls.cert_file` and `server.tls.key_file`",
        ),
        (Tls { client_ca_file: good.cert_file.clone(), ..Tls::default() }, "needs both"),
        (Tls { key_file: Some(other), ..good.clone() }, "other.key does not fit the certificate in"),
        (
            Tls { cert_file: Some(empty), ..good.clone() },
            "empty.crt (`server.tls.cert_file`) holds no PEM certificate",
        ),
        (Tls { cert_file: Some(missing.clone()), ..good.clone() }, "failed to read certificates in"),
        (Tls { client_ca_file: Some(missing), ..good }, "missing.crt"),
    ] {
        let error = chain(&Certificates::load("server", files).unwrap_err());
        assert!(error.contains(says), "{error}");
    }
    assert!(Certificates::load("server", Tls::default()).unwrap().is_none());
}
