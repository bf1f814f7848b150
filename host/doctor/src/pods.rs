//! Lists of pods, by their metadata and page by page: there are tens of thousands in a large cluster.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};

use super::patient;

/// Objects per page.
const PAGE: u32 = 500;

/// Hands over each pod of all namespaces that a field selector matches.
///
/// # Errors
/// Why they cannot be listed.
pub(super) async fn each(
    client: &Client,
    fields: &str,
    mut take: impl FnMut(ObjectMeta),
) -> Result<(), String> {
    let api: Api<Pod> = Api::all(client.clone());
    let mut params = ListParams::default().fields(fields).limit(PAGE);
    loop {
        let page = patient(api.list_metadata(&params)).await?;
        page.items.into_iter().for_each(|pod| take(pod.metadata));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}
