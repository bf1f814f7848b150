//! Where the bytes of a policy come from: registries, URLs, folders; and whether their signature holds.
//!
//! A component is never interpreted here, only bounded, digested and verified.
//!
//! - [`Reference`]: what a text such as `registry.example/policies/zone:v1` names.
//! - [`Fetcher`]: gets the bytes, puts them into a registry, signs them there.
//! - [`Folder`]: follows a folder of `*.wasm` files.
//! - [`hashing`]: digests of large components, on threads that answer nobody.
//! - [`Verifier`]: whose signatures are accepted, by [`Keys`] and by certificates of an [`Authority`].
//!
//! # Bounds
//!
//! | What | Bound |
//! |---|---|
//! | a component | [`FetchConfig::max_bytes`], [`FolderConfig::max_bytes`]; refused while it streams in |
//! | one fetch, push or look at a tag, with all its requests | [`FetchConfig::timeout`] |
//! | a manifest | 1 MiB |
//! | an answer with a token, the body of an error | 64 KiB |
//! | an answer to an upload | its headers alone |
//! | redirects | 5, and never from `https` to `http` |
//! | signatures of one manifest | 32 of each form, each of at most 64 KiB |
//! | a docker `config.json`, a file of certificates or keys | 1 MiB |
//! | a folder | 10,000 entries, 256 components; settings and signatures of 64 KiB each |
//!
//! # Threats that signatures do not cover
//!
//! A signature says that a holder of the key once signed these bytes, not that they are the newest: whoever can move a
//! tag can move it back to an older, signed policy. Name a digest where that matters.

#![forbid(unsafe_code)]

mod authority;
mod authority_error;
pub mod beside;
mod credentials;
mod error;
mod fetcher;
mod folder;
pub mod hashing;
mod keys;
mod layout;
mod local_file;
mod manifest;
mod publish;
mod reference;
mod referrers;
mod registry;
mod signature_error;
mod signed_manifest;
mod sigstore_bundle;
mod sigstore_document;
mod simple_signing;
mod token;
mod transport;
mod upload;
mod verifier;

pub use authority::Authority;
pub use authority_error::{AuthorityError, CertificateError};
pub use credentials::{Credentials, CredentialsError};
pub use error::{FetchError, Reason, Step};
pub use fetcher::{DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT, FetchConfig, Fetched, Fetcher};
pub use folder::{Change, Folder, FolderConfig, FolderPolicy, Problem, ProblemKind, Scan};
pub use keys::{KeyError, Keys, SigningKey};
pub use layout::Description;
pub use manifest::LayoutError;
pub use netmarks_core::digest::{Digest, DigestError};
pub use publish::Pushed;
pub use reference::{OciReference, Reference, ReferenceError, UrlReference};
pub use signature_error::SignatureError;
pub use sigstore_bundle::sign_blob;
pub use verifier::{LegacySignatures, Verifier};
