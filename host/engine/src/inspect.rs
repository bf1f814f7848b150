//! What can be said of an artefact without using it: also of one that would be refused, and then why.
//!
//! Loading stops at the first fault; this goes on with what the fault leaves to be seen.

use crate::artefact::Artefact;
use crate::compile::Compiled;
use crate::description::Description;
use crate::engine::Engine;
use crate::fault::PolicyError;
use crate::load::RunSettings;
use crate::outline::Outline;
use crate::policy::Policy;

/// What an artefact is.
#[derive(Debug)]
pub struct Inspection {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// Names of what it imports, as it lists them; empty if it is not a component.
    pub imports: Vec<String>,
    /// Names of what it exports; empty if it is not a component.
    pub exports: Vec<String>,
    /// What it says of itself, if it got so far.
    pub description: Option<Description>,
    /// Why it would be refused.
    pub refused: Option<PolicyError>,
}

impl Inspection {
    /// Looks at an artefact: goes through every stage of loading it with these settings.
    #[must_use]
    pub fn of(engine: &Engine, artefact: Artefact<'_>, settings: &RunSettings) -> Self {
        let Outline { imports, exports } = Outline::of(artefact.bytes);
        let mut seen = Self {
            digest: artefact.digest(),
            bytes: artefact.bytes.len(),
            imports,
            exports,
            description: None,
            refused: None,
        };
        seen.refused = seen.look(engine, artefact, settings).err();
        seen
    }

    fn look(
        &mut self,
        engine: &Engine,
        artefact: Artefact<'_>,
        settings: &RunSettings,
    ) -> Result<(), PolicyError> {
        let Compiled(component) = Compiled::in_place(engine, artefact, &settings.limits)?;
        let (_, description) = Policy::introduce(engine, artefact, &component, settings)?;
        self.description = Some(description);
        Policy::prove(engine, artefact, &component, settings).map(drop)
    }
}
