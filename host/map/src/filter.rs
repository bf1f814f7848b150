//! Which flows and pods are looked at.

use crate::scene::{Flow, Scene};

/// Which flows and pods are looked at; all of them by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Flows with an end in this namespace, and its pods.
    pub namespace: Option<String>,
    /// Flows of this application, `namespace/name`.
    pub application: Option<String>,
    /// Flows of at least so many bytes per second.
    pub at_least: f64,
}

impl Filter {
    /// The flows that it lets through.
    pub(crate) fn flows<'s>(&'s self, scene: &'s Scene) -> impl Iterator<Item = &'s Flow> + 's {
        let only = self.application.as_deref().map(|name| scene.application(name));
        scene.flows.iter().filter(move |flow| {
            let ends = [flow.source, flow.destination];
            flow.bytes_per_second >= self.at_least
                && only.is_none_or(|only| only.is_some_and(|only| ends.contains(&only)))
                && (self.namespace.is_none() || ends.iter().any(|end| self.has(scene, *end)))
        })
    }

    /// Whether the pods of an application are looked at.
    pub(crate) fn has(&self, scene: &Scene, application: u32) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| {
            let application = scene.applications.get(application as usize);
            application.is_some_and(|application| application.name.namespace() == namespace)
        })
    }
}
