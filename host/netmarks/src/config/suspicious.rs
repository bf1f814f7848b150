//! What a configuration may say, but hardly anybody means: told by `netmarks serve --check`.
//!
//! [`suspicions`] knows only what is written; [`unreadable`] also looks at the files that are named, without changing anything.

use std::path::{Path, PathBuf};

use super::load::Loaded;
use super::{Config, Mistake};

/// kube-scheduler multiplies an extender's scores by 10 and its weight; its own plugins add up to some hundreds.
const HIGH_TOP: u32 = 100;

/// How long the API server waits for the webhook, unless somebody else than the chart wrote its configuration.
const WEBHOOK_TIMEOUT_MS: u64 = 1_000;

/// What is set and has no effect, or has more effect than is wanted; each with its place.
#[must_use]
pub fn suspicions(loaded: &Loaded) -> Vec<Mistake> {
    let Config { server, cluster, metrics, scoring, policies, admin, admission, .. } = &loaded.config;
    let listens = admin.listen.is_some();
    let mut found = Vec::new();
    let mut tell = |wrong: bool, key: &str, message: String| {
        if wrong {
            found.push(loaded.about(key, message));
        }
    };
    tell(!loaded.is_set(""), "", "no key is set: everything is as without a configuration".to_owned());
    tell(
        !metrics.is_configured() && cluster.snapshot_file.is_none(),
        "metrics",
        "`metrics.url` is not set: nothing is known of who talks to whom, so no node gets a score".to_owned(),
    );
    tell(
        metrics.is_configured() && cluster.snapshot_file.is_some(),
        "metrics.url",
        "`metrics.url` has no effect beside `cluster.snapshot_file`: the snapshot has its own flows"
            .to_owned(),
    );
    let auth = &metrics.auth;
    tell(
        auth.username.is_some() && auth.password.is_none() && auth.password_file.is_none(),
        "metrics.auth.username",
        "`metrics.auth.username` is set without a password: set `metrics.auth.password_file`".to_owned(),
    );
    let sends_secret =
        auth.bearer_token.is_some() || auth.bearer_token_file.is_some() || auth.username.is_some();
    tell(
        sends_secret && metrics.url.starts_with("http://"),
        "metrics.url",
        "`metrics.url` is http, so that the password or token goes over the network in the clear".to_owned(),
    );
    tell(
        loaded.is_set("metrics.tls") && metrics.url.starts_with("http://"),
        "metrics.tls",
        "`metrics.tls` has no effect: `metrics.url` is http".to_owned(),
    );
    tell(
        policies.legacy_signatures && policies.trusted_keys.is_empty(),
        "policies.legacy_signatures",
        "`policies.legacy_signatures` has no effect without `policies.trusted_keys`: legacy signatures are verified by keys alone"
            .to_owned(),
    );
    tell(
        scoring.top > HIGH_TOP,
        "scoring.top",
        format!(
            "`scoring.top` is {}: with weight 1 the best node gets {} points, which outweighs every other plugin of \
             kube-scheduler together; 10 to {HIGH_TOP} is usual",
            scoring.top,
            u64::from(scoring.top) * 10
        ),
    );
    tell(
        scoring.max_flow_age_seconds < metrics.interval_seconds,
        "scoring.max_flow_age_seconds",
        format!(
            "`scoring.max_flow_age_seconds` is {}, less than `metrics.interval_seconds` ({}): flows are stale before the next come",
            scoring.max_flow_age_seconds, metrics.interval_seconds
        ),
    );
    tell(
        server.tls.cert_file.is_none() && !server.listen.ip().is_loopback(),
        "server.listen",
        format!(
            "`server.listen` is {} without TLS: whoever reaches it can read what runs where",
            server.listen
        ),
    );
    for key in ["admin.tls", "admin.token_file", "admin.kubernetes"] {
        tell(
            !listens && loaded.is_set(key) && key_is_on(&loaded.config, key),
            key,
            format!("`{key}` has no effect: `admin.listen` is not set"),
        );
    }
    tell(
        admission.listen.is_none() && loaded.is_set("admission"),
        "admission",
        "`admission` has no effect: `admission.listen` is not set".to_owned(),
    );
    tell(
        admission.request_timeout_ms >= WEBHOOK_TIMEOUT_MS,
        "admission.request_timeout_ms",
        format!(
            "`admission.request_timeout_ms` is {}: the API server waits only for the `timeoutSeconds` of the webhook's configuration, 1 in \
             the chart's",
            admission.request_timeout_ms
        ),
    );
    let kubernetes = &policies.kubernetes;
    tell(
        !kubernetes.enabled && loaded.is_set("policies.kubernetes.namespace"),
        "policies.kubernetes",
        "`policies.kubernetes.namespace` has no effect: `policies.kubernetes.enabled` is false".to_owned(),
    );
    for (index, registry) in kubernetes.insecure_registries.iter().enumerate() {
        tell(
            registry.contains('/'),
            &format!("policies.kubernetes.insecure_registries[{index}]"),
            format!(
                "`policies.kubernetes.insecure_registries` names `{registry}`, which no registry matches: write host:port"
            ),
        );
    }
    tell(
        listens && policies.state_folder.is_none() && !kubernetes.enabled,
        "admin.listen",
        "`policies.state_folder` is not set: what is changed at `admin.listen` is lost at the next start"
            .to_owned(),
    );
    found
}

/// A switch that is set to off is not meant to have an effect.
fn key_is_on(config: &Config, key: &str) -> bool {
    key != "admin.kubernetes" || config.admin.kubernetes
}

/// The files that are read only when they are needed, and cannot be read now. That may be right: a Secret can be mounted later.
#[must_use]
pub fn unreadable(loaded: &Loaded) -> Vec<Mistake> {
    let Config { cluster, metrics, policies, admin, .. } = &loaded.config;
    let kubernetes = &policies.kubernetes;
    let files: [(&str, &Option<PathBuf>); 9] = [
        ("cluster.kubeconfig", &cluster.kubeconfig),
        ("metrics.auth.bearer_token_file", &metrics.auth.bearer_token_file),
        ("metrics.auth.password_file", &metrics.auth.password_file),
        ("metrics.tls.ca_file", &metrics.tls.ca_file),
        ("metrics.tls.client_certificate_file", &metrics.tls.client_certificate_file),
        ("metrics.tls.client_key_file", &metrics.tls.client_key_file),
        ("policies.kubernetes.registry_ca_file", &kubernetes.registry_ca_file),
        ("policies.kubernetes.registry_credentials_file", &kubernetes.registry_credentials_file),
        ("admin.token_file", &admin.token_file),
    ];
    let files = files.into_iter().filter_map(|(key, file)| Some((key, problem_of_file(file.as_deref()?)?)));
    let folder = policies.folder.as_deref().filter(|folder| !folder.is_dir());
    let folder =
        folder.map(|folder| ("policies.folder", format!("the folder `{}` does not exist", folder.display())));
    files.chain(folder).map(|(key, problem)| loaded.about(key, format!("`{key}`: {problem}"))).collect()
}

fn problem_of_file(file: &Path) -> Option<String> {
    match std::fs::metadata(file) {
        Err(error) => Some(format!("{} cannot be read: {error}", file.display())),
        // A pipe would be waited for.
        Ok(found) if !found.is_file() => Some(format!("{} is not a file", file.display())),
        Ok(found) if found.len() == 0 => Some(format!("{} is empty", file.display())),
        Ok(_) => {
            let error = std::fs::File::open(file).err()?;
            Some(format!("{} cannot be read: {error}", file.display()))
        }
    }
}
