//! Signatures in every form. Nobody signed these bytes with this key, so none may hold.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netmarks_artefacts::{Authority, Digest, Keys, LegacySignatures, Verifier};

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let keys =
        Keys::from_pem(include_str!("../../../host/artefacts/tests/data/cosign/key.pub")).expect("a key");
    let authority = include_str!("../../../host/artefacts/tests/data/cosign/authority.pem");
    let authority = Authority::from_pem(authority, vec!["*".to_owned()]).expect("an authority");
    Verifier::new(Some(keys), vec![authority], LegacySignatures::Accepted).expect("something to verify with")
});

fuzz_target!(|signature: &str| {
    assert!(VERIFIER.verify(Digest::of(b"never signed"), signature).is_err());
});
