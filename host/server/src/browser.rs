//! Requests that a web page made a browser send.
//!
//! Whoever opens a page gives it a way to every address that the browser reaches, loopback among them. Our clients are
//! programs; none of them sends what is refused here.

use std::net::IpAddr;

use axum::http::{HeaderMap, Request, header, uri::Authority};

/// Says which page a request comes from, as seen from the address that it goes to.
const FETCH_SITE: &str = "sec-fetch-site";

/// Which names of ours a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Any: others cannot tell what we are called.
    Any,
    /// Those of loopback. A page under a name of its own, which its owner lets point to 127.0.0.1, is of the same origin as
    /// what answers there, so that its requests carry no `Origin`; only the name gives it away.
    Loopback,
}

/// Why a request is refused, if it is.
pub(crate) fn refusal<B>(request: &Request<B>, names: Names) -> Option<&'static str> {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) || is_from_elsewhere(headers) {
        return Some("requests from web pages are not answered");
    }
    if names == Names::Loopback {
        let host =
            headers.get(header::HOST).map(|host| host.to_str().ok().and_then(|host| host.parse().ok()));
        let given: [Option<Option<Authority>>; 2] = [host, request.uri().authority().cloned().map(Some)];
        let foreign = |authority: Option<Authority>| !authority.is_some_and(|it| is_loopback(it.host()));
        if given.into_iter().flatten().any(foreign) {
            return Some(
                "on a loopback address without TLS, use `localhost` or the address itself: another name may be that of a web page",
            );
        }
    }
    None
}

fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_some_and(|site| site != "none" && site != "same-origin")
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    mod hostile {
        use super::super::*;

        fn refused(uri: &str, headers: &[(&str, &str)], names: Names) -> bool {
            let mut request = Request::get(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            refusal(&request.body(()).unwrap(), names).is_some()
        }

        #[test]
        fn pages_of_browsers_are_refused_everywhere() {
            for names in [Names::Any, Names::Loopback] {
                for (name, value) in [
                    ("Origin", "https://example.com"),
                    ("Origin", "null"),
                    ("Sec-Fetch-Site", "cross-site"),
                    ("Sec-Fetch-Site", "same-site"),
                ] {
                    assert!(
                        refused("/v1/snapshot", &[("Host", "127.0.0.1"), (name, value)], names),
                        "{name}"
                    );
                }
                for value in ["none", "same-origin"] {
                    assert!(!refused("/", &[("Host", "localhost:9820"), ("Sec-Fetch-Site", value)], names));
                }
            }
        }

        #[test]
        fn a_name_that_points_to_loopback_is_foreign() {
            for own in [
                "localhost",
                "LOCALHOST:9820",
                "localhost.",
                "a.localhost",
                "127.0.0.1:1",
                "127.8.9.1",
                "[::1]:9820",
            ] {
                assert!(!refused("/", &[("Host", own)], Names::Loopback), "{own}");
                assert!(!refused(&format!("http://{own}/"), &[], Names::Loopback), "{own}");
            }
            for foreign in [
                "example.com",
                "example.com:9820",
                "localhost.example.com",
                "192.0.2.1",
                "0.0.0.0",
                "",
                "a b",
            ] {
                assert!(refused("/", &[("Host", foreign)], Names::Loopback), "{foreign}");
                assert!(!refused("/", &[("Host", foreign)], Names::Any), "{foreign}");
            }
            assert!(refused("http://example.com/", &[("Host", "localhost")], Names::Loopback));
            assert!(!refused("/", &[], Names::Loopback), "no browser leaves it out");
        }
    }
}
