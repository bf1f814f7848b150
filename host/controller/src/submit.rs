//! From a component to a revision in the registry.

use kube::api::DynamicObject;
use netmarks_core::digest::Digest;
use netmarks_policies::{Actor, Mode, Origin, PolicyName, Registry, RevisionId, Signature, Submission};

use crate::context::Context;
use crate::decide::{History, Registered};
use crate::failure::PolicyFailure;
use crate::source::SourceComponent;
use crate::spec::DesiredPolicy;

/// Submits a component of the policy that `object` describes, or gives the revision that is there another mode.
pub(crate) async fn submit(
    context: &Context,
    object: &DynamicObject,
    history: &History,
    component: SourceComponent,
    desired: &DesiredPolicy,
) -> Result<(), PolicyFailure> {
    let SourceComponent { bytes, digest, signed_by, version: _ } = component;
    let registry = &context.registry;
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or_default();
    let from = format!("ScoringPolicy {}/{name}, generation {generation}", context.namespace);
    let actor = Actor::own("kubernetes", from);
    let name: PolicyName = name.parse().map_err(|refusal| PolicyFailure::from(&refusal))?;
    let before = registered(registry, &name, digest, desired);
    // To move what is there is an operation of its own: a submission of what was withdrawn is refused, and one of
    // what is active never takes it out of the set. Who asks for another mode after a withdrawal means it.
    let moves = before.is_newest
        && match &before.desired {
            Some((mode, None)) => *mode != desired.mode,
            Some((_, Some(_))) => history.only_mode_changed(&digest, desired),
            None => false,
        };
    let DesiredPolicy { settings, mode } = desired.clone();
    let origin = Origin::Kubernetes;
    let result = if moves {
        registry.set_mode(name.clone(), mode, origin, actor.clone()).await
    } else {
        let (name, actor) = (name.clone(), actor.clone());
        let signature = Signature::checked(signed_by);
        let bytes = bytes.into();
        registry.submit(Submission { name, bytes, settings, mode, origin, signature, actor }).await
    };
    result.map_err(|refusal| PolicyFailure::from(&refusal))?;
    // Back to the revision that is still active: the one that was to follow it, perhaps a canary, must not go on.
    let after = registered(registry, &name, digest, desired);
    if matches!(after.desired, Some((Mode::Active, None))) && !after.is_newest {
        let stopped = registry.set_mode(name, Mode::Ready, origin, actor).await;
        stopped.map_err(|refusal| PolicyFailure::from(&refusal))?;
    }
    Ok(())
}

/// What the registry holds of a component with these settings.
pub(crate) fn registered(
    registry: &Registry,
    name: &PolicyName,
    digest: Digest,
    desired: &DesiredPolicy,
) -> Registered {
    let revision = RevisionId::new(name, &digest.to_string(), &desired.settings);
    Registered::of(&registry.manifest(), name, Some(&revision))
}
