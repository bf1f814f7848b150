//! Where a store is asked, and how that is shown: an address can hold a password or a tenant's key.

use netmarks_core::bounded::{NAME, shortened};
use reqwest::Url;

use super::config::ConfigError;

/// Where to ask, by the base of the API: its path is continued, its parameters are kept.
pub(super) fn query_url(base: &str) -> Result<Url, ConfigError> {
    let mut url = Url::parse(base).map_err(|_| ConfigError::Url { url: without_secrets(base) })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::UserInUrl);
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.fragment().is_some() {
        return Err(ConfigError::Url { url: without_secrets(base) });
    }
    let path = format!("{}/api/v1/query", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

pub(super) fn address(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.into()
}

/// A text that should be a URL, without what may be a password in it.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let shown = match text.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
            format!("{scheme}…@{host}")
        }
        None => text.to_owned(),
    };
    shortened(&shown, NAME).into_owned()
}
