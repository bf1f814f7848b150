//! A secret that is planted wherever the configuration takes one, and every output that could show it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use serde_json::{Value, json};

use crate::support::admin::{Administered, config as base};
use crate::support::binary::{netmarks, netmarks_with};
use crate::support::{NODES, request};

/// Nothing else contains it.
const SECRET: &str = "pl4nted-s3cret";

/// A configuration with the secret in every key that may hold one.
fn planted(folder: &std::path::Path) -> Value {
    let token = folder.join("token");
    std::fs::write(&token, SECRET).unwrap();
    let credentials = folder.join("credentials.json");
    let login = json!({"auths": {"registry.example": {"username": "robot", "password": SECRET}}});
    std::fs::write(&credentials, login.to_string()).unwrap();
    let mut config = base(folder);
    config["admin"]["token_file"] = json!(token);
    config["policies"]["kubernetes"] = json!({"registry_credentials_file": credentials});
    config["metrics"] = json!({
        "url": format!("http://127.0.0.1:1/prometheus?key={SECRET}"),
        "timeout_seconds": 1,
        "headers": {"X-Scope-OrgID": SECRET},
        "auth": {"username": "robot", "password": SECRET},
    });
    config["log"] = json!({"filter": "trace"});
    config
}

fn shows(what: &str, output: &str) {
    assert!(!output.contains(SECRET), "{what} shows the secret:\n{output}");
}

mod hostile {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_planted_secret_is_in_no_output_of_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let all = planted(folder.path());
        let server = Administered::start(folder, |config| *config = all).await.unwrap();
        server.server.prioritize(&request(&NODES)).await.unwrap();
        for path in ["/v1/policies", "/v1/snapshot", "/v1/decisions", "/metrics", "/readyz", "/v1/unknown"] {
            for authorization in [None, Some(format!("Bearer {SECRET}")), Some("Bearer wrong".to_owned())] {
                let mut call = server.client.get(format!("{}{path}", server.url));
                if let Some(authorization) = &authorization {
                    call = call.header("authorization", authorization);
                }
                let answer = call.send().await.unwrap();
                let headers = format!("{:?}", answer.headers());
                shows(path, &format!("{headers}\n{}", answer.text().await.unwrap()));
            }
        }
        shows("the log", &server.server.log().unwrap());
    }

    #[test]
    fn a_planted_secret_is_in_no_output_of_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let path = file.display().to_string();
        let sound = planted(folder.path());
        let mut all = vec![sound.clone()];
        // Mistakes at the secret and beside it: an error must not quote them.
        let mistakes: [(&str, Value); 8] = [
            ("/metrics/url", json!(format!("http://robot:{SECRET}@127.0.0.1:1"))),
            ("/metrics/url", json!(format!("htp://robot:{SECRET}@127.0.0.1:1"))),
            ("/metrics/auth/password", json!({SECRET: SECRET})),
            ("/metrics/auth/password", json!([SECRET])),
            ("/metrics/auth/bearer_token", json!(SECRET)),
            ("/metrics/headers", json!({"a b": SECRET})),
            ("/metrics/headers", json!({"X": {"y": SECRET}})),
            ("/metrics/auth/passwort", json!(SECRET)),
        ];
        for (pointer, value) in mistakes {
            let mut config = sound.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            config.pointer_mut(parent).unwrap()[key] = value;
            all.push(config);
        }
        for config in all {
            for text in [config.to_string(), serde_json::to_string_pretty(&config).unwrap()] {
                std::fs::write(&file, &text).unwrap();
                for arguments in [
                    vec!["serve", "--check", "--config", &path],
                    vec!["doctor", "--config", &path],
                    vec!["doctor", "--config", &path, "-o", "json"],
                ] {
                    let output = netmarks(&arguments).unwrap();
                    let shown = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
                    shows(&format!("{arguments:?} of {}", config["metrics"]), &shown.concat());
                }
            }
        }
        let output = netmarks_with(
            &["serve", "--check"],
            &[("NETMARKS_METRICS_AUTH_PASSWORD", SECRET), ("NETMARKS_METRICS_URL", &format!("x:{SECRET}@y"))],
        );
        let output = output.unwrap();
        shows("environment", &format!("{output:?}"));
    }
}
