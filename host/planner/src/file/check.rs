//! What the format itself cannot rule out.

use std::collections::HashSet;

use super::error::PlanContentError;
use super::format::Plan;

impl Plan {
    /// Checks what the format itself cannot rule out.
    ///
    /// # Errors
    /// For a pod that is moved twice or to where it is, and for names that are missing.
    pub fn check(&self) -> Result<(), PlanContentError> {
        let mut pods = HashSet::new();
        for planned in &self.moves {
            let pod = planned.pod.clone();
            let named = pod.split_once('/').is_some_and(|(namespace, name)| {
                !namespace.is_empty() && !name.is_empty() && !name.contains('/')
            });
            if !named {
                return Err(PlanContentError::PodName { pod });
            }
            let names = [
                ("node to leave", &planned.from),
                ("node to go to", &planned.to),
                ("kind of owner", &planned.owner.kind),
                ("owner", &planned.owner.name),
            ];
            if let Some((what, _)) = names.into_iter().find(|(_, name)| name.is_empty()) {
                return Err(PlanContentError::Empty { pod, what });
            }
            if planned.or.iter().any(String::is_empty) {
                return Err(PlanContentError::Empty { pod, what: "node that is as good" });
            }
            if planned.from == planned.to || planned.or.contains(&planned.from) {
                return Err(PlanContentError::NoMove { pod, node: planned.from.clone() });
            }
            if !pods.insert(&planned.pod) {
                return Err(PlanContentError::Repeated { pod });
            }
        }
        Ok(())
    }
}
