//! Who may change policies, asked of a real API server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use crate::support::{LIMIT, NAMESPACE, client_of, grant, plane};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use netmarks_controller::access::{AccessError, CACHE_SECONDS, Operation, Reviewer, User};
use netmarks_test_cluster::{ControlPlane, User as PlaneUser, until};
use serde_json::json;

/// A token of a service account, as `kubectl create token` makes it.
async fn token(client: &Client, account: &str, audiences: &[&str]) -> String {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    if api.get_opt(account).await.unwrap().is_none() {
        let object = serde_json::from_value(json!({"metadata": {"name": account}})).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    let spec = TokenRequestSpec {
        audiences: Some(audiences.iter().map(|audience| (*audience).to_owned()).collect()),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = api.create_subresource("token", account, &PostParams::default(), &request).await;
    let answer: TokenRequest = answer.unwrap();
    answer.status.unwrap().token.unwrap()
}

/// Lets a service account do these verbs to policies.
fn allow(plane: &ControlPlane, account: &str, verbs: &str) {
    let (verbs, account_name) =
        (format!("--verb={verbs}"), format!("--serviceaccount={NAMESPACE}:{account}"));
    let role = format!("--role={account}");
    let resource = "--resource=scoringpolicies.netmarks.dev";
    plane.kubectl(&["create", "role", account, &verbs, resource, "-n", NAMESPACE]).unwrap();
    plane.kubectl(&["create", "rolebinding", account, &role, &account_name, "-n", NAMESPACE]).unwrap();
}

#[tokio::test]
async fn the_cluster_s_roles_decide_who_may_do_what() {
    let own = PlaneUser::service_account(NAMESPACE, "netmarks");
    let mut plane = plane(vec![own.clone()]).await;
    grant(&plane).unwrap();
    // As the extender's own account: what the chart gives it must suffice to ask.
    let reviewer = Reviewer::new(client_of(&plane, &own).await, None);
    let editor = token(plane.client(), "editor", &[]).await;
    let stranger = token(plane.client(), "stranger", &[]).await;
    allow(&plane, "editor", "list,update");

    let may =
        async |token: &str, operation| reviewer.authorize(token, operation, Some("zone"), NAMESPACE).await;
    // The API server learns of new roles by a watch, like everybody else.
    let user =
        until("the new roles to count", LIMIT, async || Ok(Some(may(&editor, Operation::Update).await?)))
            .await
            .unwrap();
    assert_eq!(user.name, "system:serviceaccount:kube-system:editor");
    assert!(user.groups.contains(&"system:serviceaccounts".to_owned()), "{user:?}");
    reviewer.authorize(&editor, Operation::List, None, NAMESPACE).await.unwrap();
    let error = may(&editor, Operation::Delete).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "user `system:serviceaccount:kube-system:editor` may not delete scoringpolicies `zone` in the API group \
         netmarks.dev in the namespace `kube-system`; a Role there has to allow it"
    );
    let elsewhere = reviewer.authorize(&editor, Operation::Update, Some("zone"), "default").await;
    assert!(matches!(elsewhere, Err(AccessError::Forbidden { .. })), "{elsewhere:?}");
    let error = may(&stranger, Operation::Get).await.unwrap_err();
    assert!(matches!(error, AccessError::Forbidden { verb: "get", .. }), "{error:?}");
    for nobody in ["", "x", &editor[..editor.len() - 2], &"x".repeat(100_000)] {
        let error = may(nobody, Operation::List).await.unwrap_err();
        assert!(matches!(error, AccessError::Unauthenticated), "{error:?}");
    }

    // A token for somebody else is not valid here, and the other way round.
    let ours = token(plane.client(), "editor", &["netmarks"]).await;
    let strict = Reviewer::new(client_of(&plane, &own).await, Some(vec!["netmarks".to_owned()]));
    strict.authorize(&ours, Operation::List, None, NAMESPACE).await.unwrap();
    let error = strict.authorize(&editor, Operation::List, None, NAMESPACE).await.unwrap_err();
    assert!(matches!(error, AccessError::Unauthenticated), "{error:?}");
    let error = may(&ours, Operation::List).await.unwrap_err();
    assert!(matches!(error, AccessError::Unauthenticated), "{error:?}");

    without_the_api_server(&mut plane, &reviewer, &editor, &user).await;
}

/// What was allowed a moment ago still is, everything else is refused, and neither lasts.
async fn without_the_api_server(plane: &mut ControlPlane, reviewer: &Reviewer, editor: &str, user: &User) {
    let update = async || reviewer.authorize(editor, Operation::Update, Some("zone"), NAMESPACE).await;
    update().await.unwrap();
    plane.kill_apiserver().unwrap();
    assert_eq!(update().await.unwrap(), *user, "remembered");
    let error = reviewer.authorize(editor, Operation::List, Some("other"), NAMESPACE).await.unwrap_err();
    assert!(matches!(error, AccessError::Unavailable { step: "review a token", .. }), "{error:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(CACHE_SECONDS)).await;
    tokio::time::resume();
    let error = update().await.unwrap_err();
    assert!(matches!(error, AccessError::Unavailable { .. }), "{error:?}");
    // What is refused is asked again each time, so it counts as soon as it is allowed.
    plane.restart_apiserver().await.unwrap();
    assert_eq!(update().await.unwrap(), *user);
}
