//! Who may change policies: the API server is asked who sent a token and what RBAC lets that user do.
//!
//! So there is one place for rights, the cluster's own roles: whoever may `update` the resource `scoringpolicies` of
//! the group `netmarks.dev` may do so through the admin listener, too, and nobody else. Everything unclear is a refusal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client, Resource as _};
use netmarks_core::digest::Digest;
use strum::IntoStaticStr;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::resource::ScoringPolicy;

/// How long a permission counts without asking again. Short, since it is also how long a revoked one lives on; long
/// enough that a script's requests cost two calls and not two each.
pub const CACHE_SECONDS: u64 = 10;

/// Most permissions in the cache.
const CACHE_ENTRIES: usize = 1_024;

/// Reviews by the API server at once: a flood of requests with made-up tokens must not become one there.
const CONCURRENT_REVIEWS: usize = 16;

/// Longest wait for each of the two reviews, waiting for a permit included.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest token that is looked at: service account tokens are about 1 kB.
const TOKEN_BYTES: usize = 16 * 1024;

/// An operation of the admin listener, as RBAC sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Operation {
    /// `GET /v1/policies` and `GET /v1/shadow`: `list`.
    List,
    /// `GET /v1/policies/{name}`: `get`.
    Get,
    /// `PUT /v1/policies/{name}` under a name that does not exist yet: `create`.
    Create,
    /// `PUT` of another version, `POST /v1/policies/{name}/activate|shadow|canary|ready`, and, for all names at once,
    /// `POST /v1/rollback`: `update`.
    Update,
    /// `DELETE /v1/policies/{name}`: `delete`.
    Delete,
}

impl Operation {
    /// The verb of RBAC.
    #[must_use]
    pub fn verb(self) -> &'static str {
        self.into()
    }
}

/// Who sent a request, as the API server knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User name, such as `system:serviceaccount:ci:policies`.
    pub name: String,
    /// Groups, such as `system:authenticated`.
    pub groups: Vec<String>,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The API server does not know the token (401).
    #[error("the bearer token is not valid for this cluster; use one of `kubectl create token`")]
    Unauthenticated,
    /// It knows the user, and RBAC does not allow it (403).
    #[error(
        "user `{user}` may not {verb} {object} in the API group netmarks.dev in the namespace `{namespace}`; a Role there has to allow it"
    )]
    Forbidden {
        /// Who.
        user: String,
        /// Which verb.
        verb: &'static str,
        /// `scoringpolicies`, and which.
        object: String,
        /// Where.
        namespace: String,
    },
    /// The API server gave no answer (503).
    #[error("the API server could not be asked to {step}, so nothing is allowed; try again later")]
    Unavailable {
        /// What it was to do.
        step: &'static str,
        /// Why not.
        #[source]
        cause: Unavailable,
    },
}

/// Why the API server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// Nothing came in time.
    #[error("no answer within {} s", REVIEW_TIMEOUT.as_secs())]
    TimedOut,
    /// It could not be reached, or refused.
    #[error(transparent)]
    Failed(#[from] Box<kube::Error>),
    /// An answer without its main part.
    #[error("its answer has no status")]
    Empty,
}

/// Asks the API server, and remembers for [`CACHE_SECONDS`] what it allowed. Refusals are asked again each time.
///
/// The extender's own account needs `create` on `tokenreviews` and `subjectaccessreviews`.
pub struct Reviewer {
    client: Client,
    audiences: Option<Vec<String>>,
    permits: Semaphore,
    allowed: Mutex<HashMap<AccessQuery, Permission>>,
}

/// Who wants to do what; the token only as its hash, so that none can be read from memory later.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AccessQuery {
    token: Digest,
    operation: Operation,
    name: Option<String>,
    namespace: String,
}

struct Permission {
    user: User,
    until: Instant,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").field("audiences", &self.audiences).finish_non_exhaustive()
    }
}

impl Reviewer {
    /// With `audiences`, only tokens made for one of them are valid; without, those for the API server itself.
    #[must_use]
    pub fn new(client: Client, audiences: Option<Vec<String>>) -> Self {
        Self { client, audiences, permits: Semaphore::new(CONCURRENT_REVIEWS), allowed: Mutex::default() }
    }

    /// Whether the sender of `bearer_token` may do `operation` on the policy `name`, or on all without a name, in
    /// `namespace`.
    ///
    /// Cancel safe: nothing is remembered before both answers are there.
    ///
    /// # Errors
    /// If the token is not valid, the user may not do it, or the API server cannot be asked.
    pub async fn authorize(
        &self,
        bearer_token: &str,
        operation: Operation,
        name: Option<&str>,
        namespace: &str,
    ) -> Result<User, AccessError> {
        if bearer_token.is_empty() || bearer_token.len() > TOKEN_BYTES {
            return Err(AccessError::Unauthenticated);
        }
        let query = AccessQuery {
            token: Digest::of(bearer_token.as_bytes()),
            operation,
            name: name.map(str::to_owned),
            namespace: namespace.to_owned(),
        };
        if let Some(user) = self.cached(&query) {
            return Ok(user);
        }
        let info = self.authenticate(bearer_token).await?;
        let user = User {
            name: info.username.clone().unwrap_or_default(),
            groups: info.groups.clone().unwrap_or_default(),
        };
        if user.name.is_empty() {
            return Err(AccessError::Unauthenticated);
        }
        if !self.is_allowed(info, &query).await? {
            let object = match name {
                Some(name) => format!("scoringpolicies `{name}`"),
                None => "scoringpolicies".to_owned(),
            };
            let (verb, namespace) = (operation.verb(), namespace.to_owned());
            return Err(AccessError::Forbidden { user: user.name, verb, object, namespace });
        }
        self.cache(query, user.clone());
        Ok(user)
    }

    async fn authenticate(&self, token: &str) -> Result<UserInfo, AccessError> {
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: self.audiences.clone() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let step = "review a token";
        let answer = self.review(step, &review).await?;
        let TokenReviewStatus { audiences, authenticated, error, user } =
            answer.status.ok_or(AccessError::Unavailable { step, cause: Unavailable::Empty })?;
        if authenticated != Some(true) {
            tracing::debug!(error, "a bearer token was refused by the API server");
            return Err(AccessError::Unauthenticated);
        }
        // An authenticator that knows nothing of audiences ignores them; then its answer names none.
        if let Some(wanted) = &self.audiences
            && !audiences.unwrap_or_default().iter().any(|audience| wanted.contains(audience))
        {
            return Err(AccessError::Unauthenticated);
        }
        user.ok_or(AccessError::Unauthenticated)
    }

    async fn is_allowed(&self, user: UserInfo, query: &AccessQuery) -> Result<bool, AccessError> {
        let resource = ResourceAttributes {
            group: Some(ScoringPolicy::group(&()).into_owned()),
            version: Some("*".to_owned()),
            resource: Some(ScoringPolicy::plural(&()).into_owned()),
            verb: Some(query.operation.verb().to_owned()),
            name: query.name.clone(),
            namespace: Some(query.namespace.clone()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: user.username,
            groups: user.groups,
            uid: user.uid,
            extra: user.extra,
            resource_attributes: Some(resource),
            ..SubjectAccessReviewSpec::default()
        };
        let step = "review access";
        let answer =
            self.review(step, &SubjectAccessReview { spec, ..SubjectAccessReview::default() }).await?;
        let status = answer.status.ok_or(AccessError::Unavailable { step, cause: Unavailable::Empty })?;
        Ok(status.allowed && status.denied != Some(true))
    }

    async fn review<K>(&self, step: &'static str, review: &K) -> Result<K, AccessError>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>,
        K: serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let answer = async {
            // An error would say that it is closed, which it never is.
            let _permit = self.permits.acquire().await;
            api.create(&PostParams::default(), review).await
        };
        match tokio::time::timeout(REVIEW_TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                Err(AccessError::Unavailable { step, cause: Unavailable::Failed(Box::new(error)) })
            }
            Err(_) => Err(AccessError::Unavailable { step, cause: Unavailable::TimedOut }),
        }
    }

    fn cached(&self, query: &AccessQuery) -> Option<User> {
        let allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let permission = allowed.get(query)?;
        (Instant::now() < permission.until).then(|| permission.user.clone())
    }

    fn cache(&self, query: AccessQuery, user: User) {
        let now = Instant::now();
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if allowed.len() >= CACHE_ENTRIES {
            allowed.retain(|_, permission| now < permission.until);
        }
        // Still full: so many within seconds is a flood, and to ask again costs less than to sort.
        if allowed.len() < CACHE_ENTRIES {
            allowed.insert(query, Permission { user, until: now + Duration::from_secs(CACHE_SECONDS) });
        }
    }
}
