//! Answering a registry's challenge: HTTP basic, or a token from the service it names.
//!
//! It is a protocol beside the registry's API (
//! <https://distribution.github.io/distribution/spec/auth/token/>, and `oauth/` beside it for identity tokens).

use http_auth::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::credentials::Credential;
use crate::error::Reason;
use crate::transport::{self, ANSWER_BYTES, Deadline};

/// What is sent with each request to the registry.
#[derive(Clone)]
pub(crate) enum Authorization {
    Basic { username: String, password: String },
    Bearer(String),
}

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// The challenge of an answer with status 401, a token before a password.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Reason> {
        let texts: Vec<&str> =
            headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut basic = false;
        for challenge in texts.iter().flat_map(|text| ChallengeParser::new(text)).filter_map(Result::ok) {
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                let parameter = |name: &str| {
                    let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.to_unescaped())
                };
                if let Some(realm) = parameter("realm") {
                    return Ok(Self::Bearer { realm, service: parameter("service") });
                }
            }
            basic |= challenge.scheme.eq_ignore_ascii_case("basic");
        }
        if basic { Ok(Self::Basic) } else { Err(Reason::Challenge { challenge: texts.join(", ") }) }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Turns a credential into what the registry asks for; nothing if there is nothing to send.
///
/// `may_ask` says whether a URL may be given credentials at all.
pub(crate) async fn answer(
    challenge: Challenge,
    credential: &Credential,
    scope: &str,
    client: &Client,
    may_ask: impl Fn(&Url) -> bool,
    deadline: Deadline,
) -> Result<Option<Authorization>, Reason> {
    let (realm, service) = match (challenge, credential) {
        (_, Credential::Registry(token)) => return Ok(Some(Authorization::Bearer(token.clone()))),
        (Challenge::Basic, Credential::Basic { username, password }) => {
            let (username, password) = (username.clone(), password.clone());
            return Ok(Some(Authorization::Basic { username, password }));
        }
        (Challenge::Basic, _) => return Ok(None),
        (Challenge::Bearer { realm, service }, _) => (realm, service),
    };
    let mut url = match Url::parse(&realm) {
        Ok(url) if may_ask(&url) => url,
        _ => return Err(Reason::Realm { realm }),
    };
    let request = if let Credential::Identity(token) = credential {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "netmarks"),
            ("service", service.as_deref().unwrap_or_default()),
            ("scope", scope),
            ("refresh_token", token),
        ];
        client.post(url.clone()).form(&form)
    } else {
        url.query_pairs_mut().extend_pairs(service.iter().map(|service| ("service", service)));
        url.query_pairs_mut().append_pair("scope", scope);
        let request = client.get(url.clone());
        match credential {
            Credential::Basic { username, password } => request.basic_auth(username, Some(password)),
            _ => request,
        }
    };
    let response =
        transport::success(transport::send(request, &url, deadline).await?, &url, deadline).await?;
    let body = transport::body(response, &url, ANSWER_BYTES, "the answer with a token", deadline).await?;
    let no_token = |source| Reason::Token { url: url.to_string(), source };
    let answer: TokenAnswer = serde_json::from_slice(&body).map_err(no_token)?;
    let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token);
    token
        .map(|token| Some(Authorization::Bearer(token)))
        .ok_or_else(|| no_token(serde::de::Error::missing_field("token")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&'static str]) -> Result<Challenge, Reason> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, reqwest::header::HeaderValue::from_static(value));
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let bearer = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="x""#;
        let expected = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("registry.example".to_owned()),
        };
        assert_eq!(challenge(&[r#"Basic realm="x""#, bearer]).unwrap(), expected);
        assert_eq!(challenge(&[r#"basic realm="x""#]).unwrap(), Challenge::Basic);
    }

    #[test]
    fn other_ways_are_named() {
        let error = challenge(&[r#"Negotiate abc"#]).unwrap_err();
        assert!(error.to_string().contains("Negotiate"), "{error}");
        challenge(&[]).unwrap_err();
        challenge(&["Bearer service=\"no realm\""]).unwrap_err();
    }
}
