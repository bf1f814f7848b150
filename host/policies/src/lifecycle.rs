//! The states of one revision of a policy, and what moves it from one to the next.
//!
//! Deciding only: no clock, no engine, no disk. The registry asks [`step`] before it acts, so that what is not
//! listed here cannot happen.
//!
//! The rules:
//! - A revision is checked, compiled and tried, in this order; only then it can take a place.
//! - A failure before it has a place rejects it for good: the same bytes and settings have to be submitted again.
//! - Among its places (ready, shadow, canary, active) it moves freely: they differ in who listens to it.
//! - A rule may refuse it its first place; then it is gone.
//! - It leaves a place only through draining: requests that began with it end with it.
//! - Rejected and gone are ends.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};
use utoipa::ToSchema;

/// Where a revision is in its life.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// Its bytes are here.
    Received,
    /// They are a component of the contract, within its limits.
    Checked,
    /// They are machine code.
    Compiled,
    /// It accepted its parameters and answered trial requests.
    Tried,
    /// It can be used, and is not.
    Ready,
    /// It scores live requests; nobody listens.
    Shadow,
    /// It answers for a share of the workloads.
    Canary,
    Active,
    /// It was replaced; requests that began with it are ending.
    Draining,
    /// No request uses it any more.
    Gone,
    /// It failed before it could take a place.
    Rejected,
}

impl State {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What happens to a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The check passed.
    Checked,
    /// The compiler returned machine code.
    Compiled,
    /// The trial passed.
    Tried,
    /// A step failed.
    Failed,
    /// It is given the place ready, shadow, canary or active.
    Enter(Place),
    /// A rule refused it its first place: something else changed while it was being tried.
    Withdrawn,
    /// Its place is taken from it.
    Retire,
    /// The last request that used it has ended.
    Drained,
}

/// Where a loaded revision can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// [`State::Ready`]
    Ready,
    /// [`State::Shadow`]
    Shadow,
    /// [`State::Canary`]
    Canary,
    /// [`State::Active`]
    Active,
}

impl From<Place> for State {
    fn from(place: Place) -> Self {
        match place {
            Place::Ready => Self::Ready,
            Place::Shadow => Self::Shadow,
            Place::Canary => Self::Canary,
            Place::Active => Self::Active,
        }
    }
}

/// The state after `event`; `None` if it cannot happen in this state.
#[must_use]
pub fn step(state: State, event: Event) -> Option<State> {
    use State::{
        Active, Canary, Checked, Compiled, Draining, Gone, Ready, Received, Rejected, Shadow, Tried,
    };
    match (state, event) {
        (Received, Event::Checked) => Some(Checked),
        (Checked, Event::Compiled) => Some(Compiled),
        (Compiled, Event::Tried) => Some(Tried),
        (Received | Checked | Compiled, Event::Failed) => Some(Rejected),
        (Tried | Ready | Shadow | Canary | Active, Event::Enter(place)) => Some(place.into()),
        (Tried, Event::Withdrawn) => Some(Gone),
        (Ready | Shadow | Canary | Active, Event::Retire) => Some(Draining),
        // Put back by a rollback before its last request had ended, or after: it is still loaded and tried.
        (Draining | Gone, Event::Enter(place)) => Some(place.into()),
        (Draining, Event::Drained) => Some(Gone),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [Place; 4] = [Place::Ready, Place::Shadow, Place::Canary, Place::Active];

    fn events() -> Vec<Event> {
        let mut events = vec![
            Event::Checked,
            Event::Compiled,
            Event::Tried,
            Event::Failed,
            Event::Withdrawn,
            Event::Retire,
            Event::Drained,
        ];
        events.extend(PLACES.map(Event::Enter));
        events
    }

    fn is_place(state: State) -> bool {
        PLACES.iter().any(|place| State::from(*place) == state)
    }

    /// The rules of the module, one by one, over all pairs of states and events.
    #[test]
    fn the_rules_hold_for_every_state_and_event() {
        let proven = |state| {
            state == State::Tried || is_place(state) || matches!(state, State::Draining | State::Gone)
        };
        for state in State::VARIANTS.iter().copied() {
            for event in events() {
                let next = step(state, event);
                let allowed = match event {
                    Event::Checked => state == State::Received,
                    Event::Compiled => state == State::Checked,
                    Event::Tried => state == State::Compiled,
                    Event::Failed => matches!(state, State::Received | State::Checked | State::Compiled),
                    Event::Enter(_) => proven(state),
                    Event::Withdrawn => state == State::Tried,
                    Event::Retire => is_place(state),
                    Event::Drained => state == State::Draining,
                };
                assert_eq!(next.is_some(), allowed, "{state:?} {event:?}");
                let Some(next) = next else { continue };
                assert_eq!(is_place(next), matches!(event, Event::Enter(_)), "only entering gives a place");
                assert_eq!(next == State::Rejected, event == Event::Failed);
                assert_ne!(next, State::Received, "nothing is received twice");
                assert_ne!(state, State::Rejected, "rejected is an end");
            }
        }
    }

    /// No way leads to a place around the check, the compiler or the trial.
    #[test]
    fn every_way_to_a_place_passes_every_proof() {
        fn walk(state: State, passed: Vec<Event>, ways: &mut Vec<Vec<Event>>) {
            if is_place(state) {
                ways.push(passed);
                return;
            }
            for event in events() {
                if let Some(next) = step(state, event) {
                    let mut passed = passed.clone();
                    passed.push(event);
                    walk(next, passed, ways);
                }
            }
        }
        let mut ways = Vec::new();
        walk(State::Received, Vec::new(), &mut ways);
        assert!(ways.len() >= PLACES.len());
        for way in ways {
            assert_eq!(way[..3], [Event::Checked, Event::Compiled, Event::Tried]);
        }
    }
}
