//! Components of web servers and of this machine.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use crate::support::{COMPONENT, anonymous, chain, key_pair, reference, requiring, serve, sign, tls_server};
use anyhow::Result;
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use netmarks_artefacts::{
    Digest, FetchConfig, FetchError, Fetched, Fetcher, Reason, Reference, SignatureError, Step,
};
use netmarks_test_cluster::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn fetch(fetcher: &Fetcher, url: &str, digest: Digest) -> Result<Fetched, FetchError> {
    fetcher.fetch(&reference(&format!("{url}@{digest}"))).await
}

#[tokio::test]
async fn a_url_gives_what_its_digest_says_or_nothing() -> Result<()> {
    let address = serve(Router::new().route("/zone.wasm", get(|| async { COMPONENT }))).await?;
    let url = format!("http://{address}/zone.wasm");
    let fetched = fetch(&anonymous(), &url, Digest::of(COMPONENT)).await?;
    assert_eq!(fetched.bytes, COMPONENT);
    assert_eq!(fetched.resolved, format!("{url}@{}", Digest::of(COMPONENT)));

    let error = fetch(&anonymous(), &url, Digest::of(b"other")).await.unwrap_err();
    assert!(
        matches!(&*error.source, Reason::Digest { actual, .. } if *actual == Digest::of(COMPONENT)),
        "{error:?}"
    );

    let max_bytes = COMPONENT.len() as u64 - 1;
    let small = Fetcher::new(FetchConfig { max_bytes, ..FetchConfig::default() });
    let error = fetch(&small, &url, Digest::of(COMPONENT)).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::TooLarge { limit, .. } if *limit == max_bytes), "{error:?}");

    let error =
        fetch(&anonymous(), &format!("http://{address}/no.wasm"), Digest::of(COMPONENT)).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::Status { status, .. } if status.as_u16() == 404), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_plain_server_that_is_asked_by_https_is_said_to_be_one() -> Result<()> {
    let address = serve(Router::new().route("/zone.wasm", get(|| async { COMPONENT }))).await?;
    let error = fetch(&anonymous(), &format!("https://{address}/zone.wasm"), Digest::of(COMPONENT)).await;
    let error = chain(error.unwrap_err());
    assert!(error.contains("does not speak TLS") && !error.contains("InvalidContentType"), "{error}");
    Ok(())
}

#[tokio::test]
async fn redirects_are_few() -> Result<()> {
    let router = Router::new()
        .route("/zone.wasm", get(|| async { COMPONENT }))
        .route("/once", get(|| async { Redirect::temporary("/zone.wasm") }))
        .route("/loop", get(|| async { Redirect::temporary("/loop") }))
        .route("/away", get(|| async { Redirect::temporary("http://files.example/zone.wasm") }));
    let address = serve(router).await?;
    let get = async |path: &str| {
        fetch(&anonymous(), &format!("http://{address}{path}"), Digest::of(COMPONENT)).await
    };
    assert_eq!(get("/once").await?.bytes, COMPONENT);
    for (path, expected) in [("/loop", "more than 5 redirects"), ("/away", "to plain HTTP, at files.example")]
    {
        let error = get(path).await.unwrap_err();
        assert!(matches!(&*error.source, Reason::Redirect { .. }), "{error:?}");
        let error = chain(error);
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn https_is_never_left() -> Result<()> {
    let plain = serve(Router::new().route("/zone.wasm", get(|| async { COMPONENT }))).await?;
    let authority = Authority::new("ours")?;
    let acceptor = tokio_rustls::TlsAcceptor::from(tls_server(&authority)?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let location = format!("http://{plain}/zone.wasm");
    let server = tokio::spawn(async move {
        let mut stream = acceptor.accept(listener.accept().await?.0).await?;
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await?;
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    });
    let folder = tempfile::tempdir()?;
    let ca_file = folder.path().join("ca.crt");
    std::fs::write(&ca_file, authority.pem())?;
    let trusting = Fetcher::new(FetchConfig { ca_file: Some(ca_file), ..FetchConfig::default() });
    let error =
        fetch(&trusting, &format!("https://{address}/zone.wasm"), Digest::of(COMPONENT)).await.unwrap_err();
    server.await??;
    let error = chain(error);
    assert!(error.contains("to plain HTTP, at 127.0.0.1"), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_signature_of_a_url_is_beside_it() -> Result<()> {
    let ((keys, key), (stranger_keys, _)) = (key_pair(), key_pair());
    let signature = sign(&key, COMPONENT);
    let router = Router::new()
        .route("/signed.wasm", get(|| async { COMPONENT }))
        .route("/signed.wasm.sigstore.json", get(async || signature))
        .route("/unsigned.wasm", get(|| async { COMPONENT }));
    let address = serve(router).await?;
    let get = async |fetcher: &Fetcher, file: &str| {
        fetch(fetcher, &format!("http://{address}/{file}?version=1"), Digest::of(COMPONENT)).await
    };
    let signed = get(&requiring(keys.clone()), "signed.wasm").await?;
    assert_eq!(signed.signed_by.as_deref(), keys.ids().next());
    let unsigned = get(&requiring(keys), "unsigned.wasm").await.unwrap_err();
    assert_eq!(unsigned.step, Step::Verify);
    let Reason::Signature { source: SignatureError::Missing { place, .. } } = &*unsigned.source else {
        panic!("{unsigned:?}")
    };
    assert_eq!(*place, format!("http://{address}/unsigned.wasm.sigstore.json?version=1"));
    let strange = get(&requiring(stranger_keys), "signed.wasm").await.unwrap_err();
    assert!(
        matches!(&*strange.source, Reason::Signature { source: SignatureError::NoKey { .. } }),
        "{strange:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_file_is_read_within_its_bound_and_with_its_signature() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("zone.wasm");
    let file = Reference::from(Path::new(&path));
    let error = chain(anonymous().fetch(&file).await.unwrap_err());
    assert!(error.contains("zone.wasm") && error.contains("No such file"), "{error}");

    std::fs::write(&path, COMPONENT)?;
    let fetched = anonymous().fetch(&file).await?;
    assert_eq!((fetched.bytes.as_slice(), fetched.digest), (COMPONENT, Digest::of(COMPONENT)));
    assert_eq!(anonymous().resolve(&file).await?, fetched.digest);
    let small = Fetcher::new(FetchConfig { max_bytes: 5, ..FetchConfig::default() });
    let error = small.fetch(&file).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::TooLarge { limit: 5, .. }), "{error:?}");

    let (keys, key) = key_pair();
    let error = requiring(keys.clone()).fetch(&file).await.unwrap_err();
    assert!(
        matches!(&*error.source, Reason::Signature { source: SignatureError::Missing { .. } }),
        "{error:?}"
    );
    std::fs::write(folder.path().join("zone.wasm.sigstore.json"), format!("{}\n", sign(&key, COMPONENT)))?;
    assert_eq!(requiring(keys.clone()).fetch(&file).await?.signed_by.as_deref(), keys.ids().next());
    std::fs::write(&path, b"altered")?;
    let error = requiring(keys).fetch(&file).await.unwrap_err();
    let Reason::Signature { source: SignatureError::OtherDigest { signed, actual } } = &*error.source else {
        panic!("{error:?}")
    };
    assert_eq!((signed, *actual), (&Digest::of(COMPONENT).to_string(), Digest::of(b"altered")));

    let error = chain(anonymous().sign(&file, &key).await.unwrap_err());
    assert!(error.contains("cosign sign-blob"), "{error}");
    Ok(())
}
