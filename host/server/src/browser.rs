//! Requests that a web page made a browser send.
//!
//! Whoever opens a page gives it a way to every address that the browser reaches, loopback among them. Our clients are
//! programs, and one page of our own; none of them sends what is refused here.

use std::net::IpAddr;

use axum::http::{HeaderMap, Method, Request, header, uri::Authority};

/// Says which page a request comes from, as seen from the address that it goes to.
const FETCH_SITE: &str = "sec-fetch-site";

/// Say what the browser does with the answer.
const FETCH_MODE: &str = "sec-fetch-mode";
const FETCH_DESTINATION: &str = "sec-fetch-dest";

/// Whether there is a page of our own, at `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    None,
    Own {
        /// Whether it comes by TLS. Where it does not, a proxy in front may speak TLS all the same.
        secure: bool,
    },
}

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
pub(crate) fn refusal<B>(request: &Request<B>, names: Names, pages: Pages) -> Option<&'static str> {
    let headers = request.headers();
    let own = match pages {
        Pages::None => !headers.contains_key(header::ORIGIN),
        Pages::Own { secure } => is_own_origin(request, secure),
    };
    if !own || (is_from_elsewhere(headers) && !opens_page(request, pages)) {
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

/// Whether each origin that is named is the one that the request goes to.
fn is_own_origin<B>(request: &Request<B>, secure: bool) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(Authority::as_str).or(host);
    request.headers().get_all(header::ORIGIN).iter().all(|origin| {
        let own = origin.to_str().ok().and_then(|origin| {
            let (scheme, authority) = origin.split_once("://")?;
            Some((scheme == "https" || (!secure && scheme == "http")) && Some(authority) == host)
        });
        own == Some(true)
    })
}

/// Whether somebody follows a link to our page: the browser shows the answer and gives it to nobody.
fn opens_page<B>(request: &Request<B>, pages: Pages) -> bool {
    let says = |name, value: &str| request.headers().get(name).is_some_and(|given| given == value);
    pages != Pages::None
        && request.method() == Method::GET
        && request.uri().path() == "/"
        && says(FETCH_MODE, "navigate")
        && says(FETCH_DESTINATION, "document")
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
            refusal(&request.body(()).unwrap(), names, Pages::None).is_some()
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

        #[test]
        fn our_page_may_ask_and_no_other() {
            let refused = |headers: &[(&str, &str)], secure, path: &str| {
                let mut request = Request::get(path).header("Host", "localhost:9822");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                refusal(&request.body(()).unwrap(), Names::Loopback, Pages::Own { secure }).is_some()
            };
            for (origin, plain, secure) in [
                ("http://localhost:9822", false, true),
                ("https://localhost:9822", false, false),
                ("http://localhost:3000", true, true),
                ("http://localhost", true, true),
                ("http://example.com", true, true),
                ("ftp://localhost:9822", true, true),
                ("localhost:9822", true, true),
                ("null", true, true),
                ("", true, true),
            ] {
                let of_page = [("Origin", origin), ("Sec-Fetch-Site", "same-origin")];
                assert_eq!(refused(&of_page, false, "/v1/rollback"), plain, "{origin}");
                assert_eq!(refused(&of_page, true, "/v1/rollback"), secure, "{origin} by TLS");
            }
            let two = [("Origin", "http://localhost:9822"), ("Origin", "http://example.com")];
            assert!(refused(&two, false, "/"), "two origins");
            let link = |site| {
                [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
            };
            for site in ["cross-site", "same-site"] {
                assert!(!refused(&link(site), false, "/"), "a link opens the page");
                assert!(refused(&link(site), false, "/v1/snapshot"), "and nothing else");
                assert!(refused(&link(site)[..2], false, "/"));
                let framed =
                    [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")];
                assert!(refused(&framed, false, "/"), "in a frame");
            }
        }
    }
}
