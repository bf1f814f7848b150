use std::net::SocketAddr;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response as Answer};
use kube::runtime::watcher::Config;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;

/// Pages 1 to 3, of which the third is gone where `expires`, and the queries that were asked.
async fn serve(expires: bool) -> (Client, watch::Receiver<Vec<String>>) {
    let (sender, asked) = watch::channel(Vec::new());
    let answer = move |RawQuery(query): RawQuery, State(asked): State<watch::Sender<Vec<String>>>| async move {
        let query = query.unwrap_or_default();
        let page = query.split("continue=").nth(1).map_or(1, |token| token.parse::<u32>().unwrap());
        asked.send_modify(|asked| asked.push(query));
        list(page, expires)
    };
    let router = Router::new().fallback(answer).with_state(sender);
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    (ahead(client, &Config::default().page_size(1)), asked)
}

fn list(page: u32, expires: bool) -> Answer {
    if page == 3 && expires {
        let status = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","message":"too old","code":410}"#;
        return (StatusCode::GONE, status).into_response();
    }
    let more = if page < 3 { format!(r#","continue":"{}""#, page + 1) } else { String::new() };
    format!(
        concat!(
            r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"7"{}}},"items":["#,
            r#"{{"metadata":{{"name":"pod-{}","managedFields":[{{"manager":"kubelet"}}]}},"spec":{{}}}}]}}"#
        ),
        more, page
    )
    .into_response()
}

async fn ask(client: &Client, token: Option<&str>) -> kube::Result<String> {
    let list =
        ListParams { limit: Some(1), continue_token: token.map(str::to_owned), ..ListParams::default() };
    client.request_text(ApiRequest::new("/api/v1/pods").list(&list).unwrap()).await
}

#[tokio::test]
async fn the_next_page_is_asked_for_before_it_is_wanted_and_only_once() {
    let (client, mut asked) = serve(false).await;
    let first = ask(&client, None).await.unwrap();
    assert!(first.contains(r#""name":"pod-1","managedFields":[]},"spec""#), "{first}");
    asked.wait_for(|asked| asked.len() == 2).await.unwrap();
    assert!(ask(&client, Some("2")).await.unwrap().contains("pod-2"));
    asked.wait_for(|asked| asked.len() == 3).await.unwrap();
    assert!(ask(&client, Some("3")).await.unwrap().contains("pod-3"));
    assert_eq!(*asked.borrow(), ["&limit=1", "&limit=1&continue=2", "&limit=1&continue=3"]);
}

#[tokio::test]
async fn a_list_that_begins_again_is_asked_for_again() {
    let (client, mut asked) = serve(false).await;
    for times in [2, 4] {
        assert!(ask(&client, None).await.unwrap().contains("pod-1"));
        asked.wait_for(|asked| asked.len() == times).await.unwrap();
    }
    assert!(ask(&client, Some("2")).await.unwrap().contains("pod-2"));
}

#[tokio::test]
async fn a_page_that_is_refused_is_refused_when_it_is_wanted() {
    let (client, _asked) = serve(true).await;
    assert!(ask(&client, None).await.is_ok());
    assert!(ask(&client, Some("2")).await.is_ok());
    match ask(&client, Some("3")).await {
        Err(kube::Error::Api(status)) => assert_eq!((status.code, &*status.reason), (410, "Expired")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_a_list_that_says_first_what_it_is_has_a_next_page() {
    let token = |text: &str| continue_token(text.as_bytes());
    assert_eq!(token(r#"{"metadata":{"continue":"a\"b"},"items":[{"metadata":"#).as_deref(), Some(r#"a"b"#));
    assert_eq!(token(r#"{"metadata":{"continue":""},"items":[]}"#), None);
    assert_eq!(token(r#"{"metadata":{},"items":[]}"#), None);
    assert_eq!(token(r#"{"items":[],"metadata":{"continue":"a"}}"#), None);
    assert_eq!(token(r#"{"metadata":{"continue":"a"},"items":null}"#), None);
    assert_eq!(token(""), None);
}

#[test]
fn watches_and_single_objects_are_no_pages() {
    let is_page = |uri: &str| is_page(&uri.parse().unwrap());
    assert!(is_page("/api/v1/pods?&limit=500") && is_page("/api/v1/pods?&limit=500&continue=a"));
    assert!(
        !is_page("/api/v1/pods?&watch=true&limit=500")
            && !is_page("/api/v1/pods")
            && !is_page("/api/v1/pods?unlimited=1")
    );
}
