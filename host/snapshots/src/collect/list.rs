//! Lists of one kind, page by page: a large cluster has tens of thousands of pods, of which each keeps a small part.

use std::fmt::Debug;

use kube::Api;
use kube::api::ListParams;
use netmarks_sources::kubernetes::brief;
use serde::de::DeserializeOwned;

use super::kinds::Kind;
use super::progress::{Progress, Step};

/// Objects per page: client-go's default.
const PAGE: u32 = 500;

/// The status of an API server that has forgotten where a list was: it took longer than etcd keeps the past.
const GONE: u16 = 410;

/// All objects of `kind` that a field selector matches, as `keep` keeps them.
///
/// # Errors
/// Why they cannot be listed, briefly.
pub(super) async fn list<K, T>(
    api: &Api<K>,
    kind: Kind,
    fields: Option<&str>,
    progress: &dyn Progress,
    keep: impl Fn(K) -> T,
) -> Result<Vec<T>, String>
where
    K: Clone + Debug + DeserializeOwned,
{
    let resource = kind.resource;
    let first = ListParams { field_selector: fields.map(str::to_owned), ..ListParams::default().limit(PAGE) };
    let mut params = first.clone();
    let (mut kept, mut forgotten) = (Vec::new(), false);
    loop {
        let page = match api.list(&params).await {
            // Once: a list that is forgotten twice would be so forever.
            Err(kube::Error::Api(status)) if status.code == GONE && !forgotten => {
                forgotten = true;
                kept.clear();
                params = first.clone();
                continue;
            }
            page => page.map_err(|error| brief(&error))?,
        };
        kept.extend(page.items.into_iter().map(&keep));
        let objects = kept.len();
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => {
                let remaining =
                    page.metadata.remaining_item_count.and_then(|count| u64::try_from(count).ok());
                progress.step(Step::Listing { resource, objects, remaining });
                params = params.continue_token(&token);
            }
            None => {
                progress.step(Step::Listed { resource, objects });
                return Ok(kept);
            }
        }
    }
}
