//! The watched folder: `NAME.wasm` is a policy, `NAME.yaml` beside it says how it runs and who listens to it.
//!
//! The files are the truth here, unlike with uploads: a policy whose
//! file is gone is removed, also one that went while we were not running.

use std::path::Path;
use std::time::Duration;

use netmarks_admin::mode;
use netmarks_artefacts::{Change, Folder, FolderConfig, FolderPolicy, ProblemKind};
use netmarks_core::errors::chain;
use netmarks_core::yaml::YamlError;
use netmarks_policies::{
    Actor, Mode, Origin, PolicyName, Refusal, Registry, Settings, Signature, Submission,
};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// Pause while others have their policies compiled.
const BUSY: Duration = Duration::from_secs(2);

/// Follows the folder until cancelled.
pub(crate) async fn follow(registry: Registry, config: FolderConfig, shutdown: CancellationToken) {
    let path = config.path.clone();
    let mut folder = Folder::new(config);
    let mut first = true;
    while let Some(scan) = folder.next(&shutdown).await {
        for problem in &scan.problems {
            tracing::warn!(error = chain(problem), "a file of the policy folder is left out");
        }
        let listed = !scan.problems.iter().any(|problem| matches!(problem.kind, ProblemKind::Folder(_)));
        if listed && std::mem::take(&mut first) {
            remove_missing(&registry, &path).await;
        }
        for change in scan.changes {
            if let Err(reason) = take_over(&registry, change, &shutdown).await {
                tracing::error!(error = reason, "policy of the folder not taken over");
            }
        }
    }
}

/// Removes what the folder held when we last ran and holds no more. Whether a file is there counts, not whether it was
/// taken: one that was just written to, or cannot be read now, is not gone.
async fn remove_missing(registry: &Registry, folder: &Path) {
    let manifest = registry.manifest();
    let ours = manifest.entries.iter().filter(|entry| entry.origin == Origin::Folder);
    let mut missing: Vec<PolicyName> = ours.map(|entry| entry.name.clone()).collect();
    missing.dedup();
    missing.retain(|name| matches!(folder.join(format!("{name}.wasm")).try_exists(), Ok(false)));
    for name in missing {
        if let Err(reason) = remove(registry, name.as_str()).await {
            tracing::error!(error = reason, "policy of the folder not removed");
        }
    }
}

async fn remove(registry: &Registry, name: &str) -> Result<(), String> {
    let actor = Actor::own("policy folder", "a file that is gone");
    let name = name.parse().map_err(|refusal: Refusal| chain(&refusal))?;
    registry.remove(name, Origin::Folder, actor).await.map(drop).map_err(|refusal| chain(&refusal))
}

async fn take_over(registry: &Registry, change: Change, shutdown: &CancellationToken) -> Result<(), String> {
    match change {
        Change::Added(policy) | Change::Changed(policy) => {
            let FolderPolicy { name, path, bytes, digest: _, settings, signed_by } = policy;
            let file = path.display().to_string();
            let (settings, mode) = parse(settings.as_deref())
                .map_err(|reason| format!("the settings beside {file}: {reason}"))?;
            let submission = Submission {
                name: name.parse().map_err(|refusal: Refusal| chain(&refusal))?,
                bytes: bytes.into(),
                settings,
                mode,
                origin: Origin::Folder,
                signature: Signature::checked(signed_by),
                actor: Actor::own("policy folder", file.clone()),
            };
            let taken = submit(registry, submission, shutdown).await;
            taken.map_err(|refusal| format!("{file}: {}", chain(&refusal)))
        }
        Change::Removed(name) => remove(registry, &name).await,
    }
}

/// What the files say is so: unlike an upload, they may also say that what answers should not, and they are not seen
/// again before they change.
async fn submit(
    registry: &Registry,
    submission: Submission,
    shutdown: &CancellationToken,
) -> Result<(), Refusal> {
    let Submission { name, mode, origin, actor, .. } = submission.clone();
    loop {
        match registry.submit(submission.clone()).await {
            Err(Refusal::AlreadyActive { .. }) => {
                return registry.set_mode(name, mode, origin, actor).await.map(drop);
            }
            Err(Refusal::Busy) => {
                let over = shutdown.run_until_cancelled(tokio::time::sleep(BUSY)).await.is_none();
                if over {
                    return Err(Refusal::Busy);
                }
            }
            other => return other.map(drop),
        }
    }
}

/// Settings with `mode` and `percent` among them; a policy without settings is active.
pub(crate) fn parse(text: Option<&str>) -> Result<(Settings, Mode), String> {
    let mut tree: Map<String, Value> = match text {
        None => Map::new(),
        Some(text) => {
            let tree: Option<Map<String, Value>> =
                serde_saphyr::from_str(text).map_err(|error| YamlError::from(&error).to_string())?;
            tree.unwrap_or_default()
        }
    };
    let name = tree.remove("mode").unwrap_or_else(|| Value::from("active"));
    let name = name.as_str().ok_or("`mode` is not a text")?.to_owned();
    let percent = match tree.remove("percent") {
        None => None,
        Some(percent) => {
            let number = percent.as_u64().and_then(|number| u8::try_from(number).ok());
            Some(number.ok_or("`percent` is not 1 to 99")?)
        }
    };
    let settings = serde_json::from_value(Value::Object(tree)).map_err(|error| error.to_string())?;
    Ok((settings, mode(&name, percent)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_beside_a_policy() {
        assert_eq!(parse(None).unwrap(), (Settings::default(), Mode::Active));
        assert_eq!(parse(Some("# none\n")).unwrap(), (Settings::default(), Mode::Active));
        let (settings, mode) =
            parse(Some("mode: canary\npercent: 5\nweight: 2\nparameters: {price: 1}\n")).unwrap();
        assert_eq!((mode, settings.weight), (Mode::Canary { percent: 5 }, 2.0));
        for bad in ["mode: 5", "mode: live", "percent: 500", "wieght: 2", "[1]"] {
            assert!(parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
